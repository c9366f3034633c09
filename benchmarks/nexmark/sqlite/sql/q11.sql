WITH
  marked AS (
    SELECT bidder, dateTime,
      dateTime - lag(dateTime, 1, -1e15) OVER (PARTITION BY bidder ORDER BY dateTime) >= 10000 AS begins FROM bid),
  numbered AS (SELECT bidder, dateTime, sum(begins) OVER (PARTITION BY bidder ORDER BY dateTime ROWS UNBOUNDED PRECEDING) AS session FROM marked)
SELECT bidder, count(*) AS bid_count, min(dateTime) AS starttime, max(dateTime) + 10000 AS endtime
FROM numbered GROUP BY bidder, session
