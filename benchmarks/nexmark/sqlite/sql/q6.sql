WITH
  won AS (
    SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY price DESC, dateTime, seq) AS place FROM offer)
    WHERE place = 1),
  last AS (SELECT *, row_number() OVER (PARTITION BY seller ORDER BY dateTime DESC, id) AS back FROM won)
SELECT seller, sum(price) / count(*) AS final FROM last WHERE back <= 10 GROUP BY seller
