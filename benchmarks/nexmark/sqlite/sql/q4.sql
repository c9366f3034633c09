SELECT category, sum(final) / count(*) AS final
FROM (SELECT max(price) AS final, id, category FROM offer GROUP BY id, category)
GROUP BY category
