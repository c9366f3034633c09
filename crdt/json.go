package crdt

import (
	"encoding/json"
	"iter"
	"reflect"
)

// keyText is how a key of a JSON object shows x.
func keyText[T Ordered](x T) string {
	if v := reflect.ValueOf(&x).Elem(); v.Kind() == reflect.String {
		return v.String()
	}
	return elementName(x)
}

// jsonObject shows members in the given order. A Go map would be sorted by texts, with 10 before 9.
func jsonObject[V any](members iter.Seq2[string, V]) (object []byte, err error) {
	object = append(object, '{')
	for key, value := range members {
		if len(object) > 1 {
			object = append(object, ',')
		}
		if object, err = appendJSON(object, key); err == nil {
			object, err = appendJSON(append(object, ':'), value)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(object, '}'), nil
}

func appendJSON[V any](b []byte, v V) ([]byte, error) {
	text, err := json.Marshal(v)
	return append(b, text...), err
}
