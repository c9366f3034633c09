SELECT auction, price, bidder, dateTime, extra FROM bid
JOIN (SELECT dateTime / 10000 AS window, max(price) AS most FROM bid GROUP BY window)
  ON window = dateTime / 10000 AND price = most
