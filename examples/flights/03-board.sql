-- The live board: materialised views, always current.
CREATE MATERIALIZED VIEW board AS
SELECT
    origin,
    COUNT(*) FILTER (WHERE event = 'departed')  AS departed,
    COUNT(*) FILTER (WHERE event = 'arrived')   AS arrived,
    COUNT(*) FILTER (WHERE event = 'cancelled') AS cancelled,
    COUNT(*) FILTER (WHERE event = 'departed')
        - COUNT(*) FILTER (WHERE event = 'arrived') AS on_their_way,
    AVG(delay_min) FILTER (WHERE event = 'departed') AS avg_delay,
    MAX(event_time) AS last_event
FROM flights
GROUP BY origin;

CREATE MATERIALIZED VIEW weather_by_airport AS
SELECT
    origin,
    COUNT(*)           AS observations,
    MIN(temp_f)        AS min_temp_f,
    MAX(temp_f)        AS max_temp_f,
    MAX(gust_mph)      AS max_gust_mph,
    MIN(visibility_mi) AS min_visibility_mi,
    MAX(event_time)    AS last_observation
FROM weather
GROUP BY origin;
