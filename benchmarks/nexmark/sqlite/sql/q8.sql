SELECT DISTINCT p.id, p.name, p.dateTime / 10000 * 10000 AS starttime
FROM person p JOIN auction a ON a.seller = p.id AND a.dateTime / 10000 = p.dateTime / 10000
