SELECT auction, bidder, printf('%d.%03d', price * 908 / 1000, price * 908 % 1000) AS price,
  CASE
    WHEN hour >= 8 AND hour <= 18 THEN 'dayTime'
    WHEN hour <= 6 OR hour >= 20 THEN 'nightTime'
    ELSE 'otherTime' END AS bidTimeType,
  dateTime, extra, length(extra) - length(replace(extra, 'c', '')) AS c_counts
FROM (SELECT *, CAST(strftime('%H', dateTime / 1000, 'unixepoch') AS INTEGER) AS hour FROM bid)
WHERE price * 908 > 1000000000 AND price * 908 < 50000000000
