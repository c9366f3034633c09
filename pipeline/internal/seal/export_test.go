package seal

// Limit bounds how many values can be complete.
func (k *Keys) Limit(n int) { k.limit = n }
