-- The tables of Nexmark, out of a table line(n, stored, json): each event with its place in the dump and the time at which it was stored.
-- The times are in milliseconds since 1970. seq is the number of the event.
CREATE TABLE person AS SELECT
  json ->> '$.id' AS seq, json ->> '$.person.id' AS id, json ->> '$.person.name' AS name,
  json ->> '$.person.emailAddress' AS emailAddress, json ->> '$.person.creditCard' AS creditCard,
  json ->> '$.person.city' AS city, json ->> '$.person.state' AS state,
  json ->> '$.person.dateTime' AS dateTime, json ->> '$.person.extra' AS extra
FROM line WHERE json -> '$.person' IS NOT NULL;
CREATE TABLE auction AS SELECT
  json ->> '$.id' AS seq, json ->> '$.auction.id' AS id, json ->> '$.auction.itemName' AS itemName,
  json ->> '$.auction.description' AS description, json ->> '$.auction.initialBid' AS initialBid,
  json ->> '$.auction.reserve' AS reserve, json ->> '$.auction.dateTime' AS dateTime,
  json ->> '$.auction.expires' AS expires, json ->> '$.auction.seller' AS seller,
  json ->> '$.auction.category' AS category, json ->> '$.auction.extra' AS extra
FROM line WHERE json -> '$.auction' IS NOT NULL;
CREATE TABLE bid AS SELECT
  json ->> '$.id' AS seq, json ->> '$.bid.auction' AS auction, json ->> '$.bid.bidder' AS bidder,
  json ->> '$.bid.price' AS price, json ->> '$.bid.channel' AS channel, json ->> '$.bid.url' AS url,
  json ->> '$.bid.dateTime' AS dateTime, json ->> '$.bid.extra' AS extra, stored
FROM line WHERE json -> '$.bid' IS NOT NULL;
CREATE INDEX auction_id ON auction (id);
CREATE INDEX person_id ON person (id);
CREATE INDEX bid_auction ON bid (auction);
CREATE INDEX bid_bidder ON bid (bidder);
CREATE TABLE side_input AS
  WITH RECURSIVE i(key) AS (SELECT 0 UNION ALL SELECT key + 1 FROM i WHERE key < 9999)
  SELECT key, CAST(key AS TEXT) AS value FROM i;
-- What was bid while the auction was open.
CREATE VIEW offer AS
  SELECT b.*, a.id, a.seller, a.category FROM auction a JOIN bid b ON b.auction = a.id
  WHERE b.dateTime BETWEEN a.dateTime AND a.expires;
