-- Query 13: bounded side input. Every bid enriched from a file, as it is when the bid is processed.
CREATE TABLE side_input (
    key BIGINT,
    `value` VARCHAR,
    PRIMARY KEY (key) NOT ENFORCED
) WITH (
    'connector' = 'filesystem',
    'path' = 'side_input.csv',
    'format' = 'csv'
);

CREATE TABLE nexmark_q13 (
    auction BIGINT,
    bidder BIGINT,
    price BIGINT,
    `dateTime` TIMESTAMP(3),
    `value` VARCHAR
) WITH ('connector' = 'blackhole');

INSERT INTO nexmark_q13
SELECT B.auction, B.bidder, B.price, B.`dateTime`, S.`value`
FROM (SELECT *, PROCTIME() AS p_time FROM bid) AS B
JOIN side_input FOR SYSTEM_TIME AS OF B.p_time AS S ON MOD(B.auction, 10000) = S.key;
