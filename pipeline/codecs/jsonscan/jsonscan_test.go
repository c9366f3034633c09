package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/codecs/jsonscan"
)

// seeds are right and wrong in each way that the scanner knows.
var seeds = []string{
	`{}`, ` { } `, `{"a":1}`, `{"a":-0.5e+10,"b":[],"c":[1,"x",{"d":null}],"e":true,"f":false}`, `{"a":"\u00e9\n\"\\\/","\u0062":"ü"}`, "\t{\"a\" :\r\n 1 , \"b\": 2}",
	`{"a":1,"a":2}`, `{"a":"\ud800"}`, `{"a":0}`, `{"a":1E5}`, `{"":""}`, `{"a":{"b":{"c":[[[]]]}}}`,
	``, ` `, `[]`, `1`, `null`, `{`, `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `{"a":1}}`, `{"a":1} x`, `{,}`,
	`{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1e+}`, `{"a":+1}`, `{"a":tru}`, `{"a":nul`, `{"a":nan}`, `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":[`, `{"a":[1`,
	`{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\`, "{\"a\":\"\n\"}", "{\"a\":\"\x00\"}", "{\"a\":\"\xff\"}", "{\"\xff\":1}", "{\"a\":\"\xff\\n\"}", `{"a":-01}`, `{"a":--1}`,
}

// check compares the scanner with encoding/json, on any bytes.
func check(t *testing.T, data []byte) {
	t.Helper()
	got := make(map[string]string)
	err := jsonscan.Members(data, func(name []byte, v jsonscan.Value) error {
		got[string(name)] = string(v.Raw())
		return nil
	})
	var want map[string]json.RawMessage
	right := json.Unmarshal(data, &want) == nil && want != nil && utf8.Valid(data)
	if right != (err == nil) {
		t.Fatalf("%q: got %v, encoding/json finds that it is right: %v", data, err, right)
	}
	if err != nil {
		return
	}
	if len(got) != len(want) {
		t.Fatalf("%q: got %q, want %q", data, got, want)
	}
	for name, raw := range want {
		if got[name] != string(raw) {
			t.Fatalf("%q: %q is %q, want %q", data, name, got[name], raw)
		}
	}
	values(t, data)
}

// values compares what the values are taken for.
func values(t *testing.T, data []byte) {
	t.Helper()
	err := jsonscan.Members(data, func(_ []byte, v jsonscan.Value) error {
		var s string
		var n int64
		var f float64
		var b bool
		null := string(v.Raw()) == "null"
		if got, err := v.Text(); (err == nil) != (!null && json.Unmarshal(v.Raw(), &s) == nil) || got != s {
			t.Errorf("%q: text %q, %v, want %q", v.Raw(), got, err, s)
		}
		if got, err := v.Int(); (err == nil) != (!null && json.Unmarshal(v.Raw(), &n) == nil) || err == nil && got != n {
			t.Errorf("%q: integer %d, %v, want %d", v.Raw(), got, err, n)
		}
		if got, err := v.Float(); (err == nil) != (!null && json.Unmarshal(v.Raw(), &f) == nil) || err == nil && got != f {
			t.Errorf("%q: number %v, %v, want %v", v.Raw(), got, err, f)
		}
		if got, err := v.Bool(); (err == nil) != (!null && json.Unmarshal(v.Raw(), &b) == nil) || got != b {
			t.Errorf("%q: %v, %v, want %v", v.Raw(), got, err, b)
		}
		if v.IsNull() != null {
			t.Errorf("%q is null: %v", v.Raw(), v.IsNull())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAsEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, s := range seeds {
		check(t, []byte(s))
		for i := range s { // each text that is cut off
			check(t, []byte(s[:i]))
		}
	}
}

func FuzzAsEncodingJSON(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(check)
}

// Values may lie in each other as deep as in encoding/json, and no deeper.
func TestDepth(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 9_998, 9_999, 10_000, 100_000} {
		data := []byte(`{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}")
		err := jsonscan.Members(data, func([]byte, jsonscan.Value) error { return nil })
		if right := json.Valid(data); right != (err == nil) {
			t.Errorf("%d: got %v, encoding/json finds that it is right: %v", n, err, right)
		}
	}
}

type click struct {
	Ad    string
	Price int64
}

func clicks(c *click, name []byte, v jsonscan.Value) (err error) {
	switch string(name) {
	case "ad":
		c.Ad, err = v.Text()
	case "price":
		c.Price, err = v.Int()
	}
	return err
}

func TestObject(t *testing.T) {
	t.Parallel()
	decode := jsonscan.Object(clicks)
	data := []byte(`{"user":"u1","ad":"caf\u00e9","price":12,"more":{"ad":"no"}}`)
	kept := bytes.Clone(data)
	got, err := decode(&pipeline.Message{Data: data})
	clear(data) // the message is reused
	if err != nil || got != (click{"café", 12}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := decode(&pipeline.Message{Data: bytes.Replace(kept, []byte("12"), []byte(`"12"`), 1)}); err == nil || got != (click{}) {
		t.Errorf("got %+v, %v for a price that is a text", got, err)
	}
	refused := errors.New("refused")
	_, err = jsonscan.Object(func(*click, []byte, jsonscan.Value) error { return refused })(&pipeline.Message{Data: kept})
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

func ExampleObject() {
	type click struct {
		Ad    string
		Price int64
	}
	decode := jsonscan.Object(func(c *click, name []byte, v jsonscan.Value) (err error) {
		switch string(name) {
		case "ad":
			c.Ad, err = v.Text()
		case "price":
			c.Price, err = v.Int()
		}
		return err
	})
	fmt.Println(decode(&pipeline.Message{Data: []byte(`{"user":"u1","ad":"a7","price":12}`)}))
	fmt.Println(decode(&pipeline.Message{Data: []byte(`{"user":"u1","ad":"a7","price":12`)}))
	// Output:
	// {a7 12} <nil>
	// { 0} not the JSON of a jsonscan_test.click: not JSON: byte 33: an object does not end
}

// What is taken from a message costs an allocation for each text, and one for the record.
func BenchmarkObject(b *testing.B) {
	decode := jsonscan.Object(clicks)
	m := &pipeline.Message{Data: []byte(`{"id":"12345678","user":"u123456","ad":"ad-00123","kind":"view","time":1700000000123,"price":345,"page":"https://example.org/abcdefghijklmnopqrst"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodingJSON(b *testing.B) {
	m := &pipeline.Message{Data: []byte(`{"id":"12345678","user":"u123456","ad":"ad-00123","kind":"view","time":1700000000123,"price":345,"page":"https://example.org/abcdefghijklmnopqrst"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pipeline.JSON[click](m); err != nil {
			b.Fatal(err)
		}
	}
}
