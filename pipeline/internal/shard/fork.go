package shard

// OutboxNumber stands in entries of segments where others have the number of an operator: the entry is a result that waits to leave with a checkpoint.
const OutboxNumber = outboxNumber

// Undelivered returns how many results wait, behind a checkpoint with this small state, to leave with the next ones.
func Undelivered(meta []byte) (uint64, error) {
	if len(meta) == 0 || meta[0] != metaWithAnOutbox {
		return 0, nil
	}
	n, _, err := numbersOf(meta)
	return n.last - n.left, err
}
