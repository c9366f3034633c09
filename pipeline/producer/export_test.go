package producer

// TryEnter reports whether a call could have its turn now.
func (p *Producer) TryEnter() bool {
	select {
	case p.turn <- struct{}{}:
		p.leave()
		return true
	default:
		return false
	}
}
