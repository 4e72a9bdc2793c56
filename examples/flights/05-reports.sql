-- Punctuality by carrier and hour of scheduled departure, from reports that come out of order by hours. The watermark
-- waits four hours; what comes later still is kept in the topic carrier_hours$late with its reason.
CREATE TABLE carrier_hours (
    carrier      STRING,
    window_start TIMESTAMP_LTZ(3),
    window_end   TIMESTAMP_LTZ(3),
    reports      BIGINT,
    cancelled    BIGINT,
    avg_arrival_delay DOUBLE,
    miles        BIGINT
);

INSERT INTO carrier_hours
SELECT
    carrier,
    window_start,
    window_end,
    COUNT(*)                          AS reports,
    COUNT(*) FILTER (WHERE cancelled) AS cancelled,
    AVG(arr_delay)                    AS avg_arrival_delay,
    SUM(CAST(distance AS BIGINT)) FILTER (WHERE NOT cancelled) AS miles
FROM TABLE(TUMBLE(TABLE reports, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
GROUP BY carrier, window_start, window_end;
