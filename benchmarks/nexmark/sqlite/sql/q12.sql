SELECT bidder, count(*) AS bid_count, stored / 10000 * 10000 AS starttime, stored / 10000 * 10000 + 10000 AS endtime
FROM bid GROUP BY bidder, stored / 10000
