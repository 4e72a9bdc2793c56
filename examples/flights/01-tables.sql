-- The topics of the embedded log into which the week is played. A table without a connector is a topic.

-- What happened, when it happened: a flight departed, arrived or was cancelled.
CREATE TABLE flights (
    event      STRING NOT NULL,
    flight_id  STRING NOT NULL,
    carrier    STRING,
    flight     INT,
    tailnum    STRING,
    origin     STRING,
    dest       STRING,
    sched_dep  TIMESTAMP_LTZ(3),
    event_time TIMESTAMP_LTZ(3),
    delay_min  INT,
    WATERMARK FOR event_time AS event_time - INTERVAL '1' MINUTE
);

-- One report a flight, published when it has landed. Its event time is the scheduled departure, so the event times
-- run out of order by hours, and four hours is not always enough.
CREATE TABLE reports (
    published  TIMESTAMP_LTZ(3),
    flight_id  STRING NOT NULL,
    carrier    STRING,
    flight     INT,
    tailnum    STRING,
    origin     STRING,
    dest       STRING,
    event_time TIMESTAMP_LTZ(3),
    cancelled  BOOLEAN,
    dep_delay  INT,
    arr_delay  INT,
    air_time   INT,
    distance   INT,
    WATERMARK FOR event_time AS event_time - INTERVAL '4' HOUR
);

-- An hourly observation at each airport.
CREATE TABLE weather (
    origin        STRING NOT NULL,
    event_time    TIMESTAMP_LTZ(3),
    temp_f        DOUBLE,
    wind_mph      DOUBLE,
    gust_mph      DOUBLE,
    precip_in     DOUBLE,
    visibility_mi DOUBLE,
    pressure_mb   DOUBLE,
    WATERMARK FOR event_time AS event_time - INTERVAL '1' HOUR
);
