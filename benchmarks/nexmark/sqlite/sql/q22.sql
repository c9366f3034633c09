-- The address is https://www.nexmark.com/DIR1/DIR2/DIR3/item.htm?query=1
WITH
  one AS (SELECT *, substr(url, 25) AS rest FROM bid WHERE url LIKE 'https://www.nexmark.com/%'),
  two AS (SELECT *, substr(rest, 1, instr(rest, '/') - 1) AS dir1, substr(rest, instr(rest, '/') + 1) AS rest2 FROM one),
  three AS (SELECT *, substr(rest2, 1, instr(rest2, '/') - 1) AS dir2, substr(rest2, instr(rest2, '/') + 1) AS rest3 FROM two)
SELECT auction, bidder, price, channel, dir1, dir2, substr(rest3, 1, instr(rest3, '/') - 1) AS dir3 FROM three
