package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// storedMessage is a message as the leader of its stream returns it.
type storedMessage struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Time    time.Time `json:"time"`
	Header  []byte    `json:"hdrs"`
	Data    []byte    `json:"data"`
}

// message asks the leader of a stream for one message. Its sequence is 0 if there is none.
func (e *engine) message(ctx context.Context, stream string, question any) (storedMessage, error) {
	text, err := json.Marshal(question)
	if err != nil {
		return storedMessage{}, fmt.Errorf("a message of stream %q cannot be asked for: %w", stream, err)
	}
	reply, err := e.Conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, text)
	if err != nil {
		return storedMessage{}, fmt.Errorf("stream %q cannot be asked for a message: %w", stream, err)
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message storedMessage       `json:"message"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return storedMessage{}, fmt.Errorf("a message of stream %q is not understood: %w", stream, err)
	}
	if answer.Error != nil && answer.Error.ErrorCode != jetstream.JSErrCodeMessageNotFound {
		return storedMessage{}, fmt.Errorf("a message of stream %q cannot be looked up: %w", stream, answer.Error)
	}
	return answer.Message, nil
}
