SELECT strftime('%Y-%m-%d', dateTime / 1000, 'unixepoch') AS dt, strftime('%H:%M', dateTime / 1000, 'unixepoch') AS hm, count(*) AS bids
FROM bid GROUP BY dt, hm
