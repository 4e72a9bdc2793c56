-- How the aircraft are used: an aircraft's session ends when nothing was heard of it for six hours.
CREATE TABLE aircraft_sessions (
    tailnum      STRING,
    window_start TIMESTAMP_LTZ(3),
    window_end   TIMESTAMP_LTZ(3),
    departures   BIGINT,
    airports     BIGINT,
    avg_delay    DOUBLE
);

INSERT INTO aircraft_sessions
SELECT
    tailnum,
    window_start,
    window_end,
    COUNT(*) FILTER (WHERE event = 'departed') AS departures,
    COUNT(DISTINCT dest)                       AS airports,
    AVG(delay_min)                             AS avg_delay
FROM TABLE(SESSION(TABLE flights PARTITION BY tailnum, DESCRIPTOR(event_time), INTERVAL '6' HOUR))
WHERE tailnum IS NOT NULL
GROUP BY tailnum, window_start, window_end;
