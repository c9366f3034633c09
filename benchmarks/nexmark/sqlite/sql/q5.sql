WITH RECURSIVE
  back(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM back WHERE n < 4),
  counts AS (
    SELECT auction, dateTime / 2000 * 2000 - 2000 * n AS start, count(*) AS num
    FROM bid, back GROUP BY auction, start)
SELECT auction, num FROM counts
JOIN (SELECT start, max(num) AS most FROM counts GROUP BY start) USING (start)
WHERE num = most
