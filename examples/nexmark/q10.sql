-- Query 10: log to files, a folder a day and minute.
CREATE TABLE nexmark_q10 (
    auction BIGINT,
    bidder BIGINT,
    price BIGINT,
    `dateTime` TIMESTAMP(3),
    extra VARCHAR,
    dt STRING,
    hm STRING
) PARTITIONED BY (dt, hm) WITH (
    'connector' = 'filesystem',
    'path' = 'nexmark_q10',
    'format' = 'csv'
);

INSERT INTO nexmark_q10
SELECT
    auction, bidder, price, `dateTime`, extra,
    DATE_FORMAT(`dateTime`, 'yyyy-MM-dd'),
    DATE_FORMAT(`dateTime`, 'HH:mm')
FROM bid;
