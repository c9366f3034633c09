package pipelinetest

// Reparse writes a history as text and reads it back.
func Reparse(h *History) (*History, error) {
	text, err := h.MarshalText()
	if err != nil {
		return nil, err
	}
	back := new(History)
	return back, back.UnmarshalText(text)
}

// Certificates are what was sealed, by shard, state and window.
func (o *Outcome) Certificates() map[string]string { return o.sealed }
