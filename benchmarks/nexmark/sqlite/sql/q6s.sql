SELECT id, seller, max(price) AS final FROM offer GROUP BY id, seller
