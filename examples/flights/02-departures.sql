-- Departures, cancellations and delays per airport and hour. A window is emitted once, when the watermark closes it.
CREATE TABLE departures (
    window_start TIMESTAMP_LTZ(3),
    window_end   TIMESTAMP_LTZ(3),
    origin       STRING,
    departed     BIGINT,
    cancelled    BIGINT,
    late_15      BIGINT,
    avg_delay    DOUBLE,
    max_delay    INT
);

INSERT INTO departures
SELECT
    window_start,
    window_end,
    origin,
    COUNT(*) FILTER (WHERE event = 'departed')  AS departed,
    COUNT(*) FILTER (WHERE event = 'cancelled') AS cancelled,
    COUNT(*) FILTER (WHERE delay_min > 15)      AS late_15,
    AVG(delay_min)                              AS avg_delay,
    MAX(delay_min)                              AS max_delay
FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
WHERE event <> 'arrived'
GROUP BY window_start, window_end, origin;
