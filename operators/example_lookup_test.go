package operators_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// quote is a line such as "price coffee 3": from then on coffee costs 3, or, at 0, is not sold any more.
type quote struct {
	Item  string
	Price int
}

func parseQuote(line string) (q quote) {
	_, _ = fmt.Sscanf(line, "price %s %d", &q.Item, &q.Price)
	return q
}

func (q quote) item() string  { return q.Item }
func (q quote) notSold() bool { return q.Price == 0 }

// shop parts lines into orders, such as "order coffee", and a table of prices.
func shop(lines operators.Stream[string]) (orders operators.Keyed[string, string], prices operators.Table[string, quote]) {
	changes, others := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "price") })
	prices = operators.TableOf(operators.KeyBy(operators.Map(changes, parseQuote), "item", quote.item), quote.notSold)
	return operators.KeyBy(others, "item", func(s string) string { return strings.TrimPrefix(s, "order ") }), prices
}

// An order costs what the item cost when it was made.
func ExampleLookup() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		orders, prices := shop(lines)
		priced := operators.Lookup("priced", orders, prices, operators.Watermark(time.Second), func(order string, q quote) string {
			return order + " at " + strconv.Itoa(q.Price)
		})
		pipeline.Write(p, "out", priced, out, pipeline.EncodeText)
	}, "order tea", "price coffee 3", "order coffee", "price coffee 4", "order coffee")
	// Output:
	// final order coffee at 3
	// final order coffee at 4
}

// Each order is answered, also those for which there is no price.
func ExampleLeftLookup() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		orders, prices := shop(lines)
		priced := operators.LeftLookup("priced", orders, prices, operators.Watermark(time.Second), func(order string, q *quote) string {
			if q == nil {
				return order + " not sold"
			}
			return order + " at " + strconv.Itoa(q.Price)
		})
		pipeline.Write(p, "out", priced, out, pipeline.EncodeText)
	}, "order tea", "price coffee 3", "order coffee", "price coffee 0", "order coffee")
	// Output:
	// final order tea not sold
	// final order coffee at 3
	// final order coffee not sold
}

// A table is a log of changes. Which of them delete, the program says.
func ExampleTableOf() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		users := operators.TableOf(operators.KeyBy(lines, "user", func(s string) string { return strings.Fields(s)[0] }),
			func(s string) bool { return strings.HasSuffix(s, "leaves") })
		both := operators.JoinTables("self", users, users, operators.EndOfInput(), func(a, b string) string { return a })
		pipeline.Write(p, "out", both, out, encodeRow)
	}, "ann paris", "bob rome", "ann leaves", "ann leaves")
	// Output:
	// final ann: ann paris
	// final bob: bob rome
	// final ann is gone
}

func encodeRow(c operators.Change[string, string]) ([]byte, error) {
	if c.Deleted {
		return []byte(c.Key + " is gone"), nil
	}
	return []byte(c.Key + ": " + c.Value), nil
}

// addresses parts lines such as "name 7 ann" and "city 7 paris" into two tables by number. A line without a third word deletes.
func addresses(lines operators.Stream[string]) (names, cities operators.Table[string, string]) {
	number := func(s string) string { return strings.Fields(s)[1] }
	deletes := func(s string) bool { return len(strings.Fields(s)) < 3 }
	first, second := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "name") })
	return operators.TableOf(operators.KeyBy(first, "number", number), deletes), operators.TableOf(operators.KeyBy(second, "number", number), deletes)
}

func third(s *string) string {
	if s == nil {
		return "?"
	}
	return strings.Fields(*s)[2]
}

func ExampleJoinTables() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		names, cities := addresses(lines)
		rows := operators.JoinTables("rows", names, cities, operators.Watermark(time.Second), func(name, city string) string { return third(&name) + " in " + third(&city) })
		pipeline.Write(p, "out", rows, out, encodeRow)
	}, "name 7 ann", "city 7 paris", "city 7 rome", "name 7", "city 8 oslo")
	// Output:
	// final 7: ann in paris
	// final 7: ann in rome
	// final 7 is gone
}

func ExampleLeftJoinTables() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		names, cities := addresses(lines)
		rows := operators.LeftJoinTables("rows", names, cities, operators.Watermark(time.Second), func(name string, city *string) string { return third(&name) + " in " + third(city) })
		pipeline.Write(p, "out", rows, out, encodeRow)
	}, "name 7 ann", "city 7 paris", "city 8 oslo", "city 7", "name 7")
	// Output:
	// final 7: ann in ?
	// final 7: ann in paris
	// final 7: ann in ?
	// final 7 is gone
}

func ExampleOuterJoinTables() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		names, cities := addresses(lines)
		rows := operators.OuterJoinTables("rows", names, cities, operators.Watermark(time.Second), func(name, city *string) string { return third(name) + " in " + third(city) })
		pipeline.Write(p, "out", rows, out, encodeRow)
	}, "name 7 ann", "city 8 oslo", "city 7 paris", "name 7", "city 7")
	// Output:
	// final 7: ann in ?
	// final 8: ? in oslo
	// final 7: ann in paris
	// final 7: ? in paris
	// final 7 is gone
}

// What was ordered and not paid within the hour.
func ExampleAntiJoin() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		orders, payments := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "order") })
		number := func(s string) string { return strings.Fields(s)[1] }
		unpaid := operators.AntiJoin("unpaid", operators.KeyBy(orders, "number", number), operators.KeyBy(payments, "number", number), operators.Interval{After: time.Hour})
		pipeline.Write(p, "out", unpaid, out, pipeline.EncodeText)
	}, "order 1", "order 2", "paid 1")
	// Output: final order 2
}

// Which parts were announced for a delivery, and are not in it.
func ExampleMinus() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		announced, delivered := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "announced") })
		delivery := func(s string) string { return strings.Fields(s)[1] }
		part := func(s string) string { return strings.Fields(s)[2] }
		missing := operators.Minus("missing",
			operators.KeyBy(announced, "delivery", delivery), part,
			operators.KeyBy(delivered, "delivery", delivery), part, operators.EndOfInput())
		pipeline.Write(p, "out", missing, sinks.Func{Name: "missing"}, func(f operators.Final[string, string]) ([]byte, error) {
			return fmt.Appendf(nil, "delivery %s misses the %s", f.Key, f.Value), nil
		})
	}, "announced 1 bolt", "announced 1 nut", "delivered 1 bolt", "delivered 2 nut")
	// Output: final delivery 1 misses the nut
}

func ExampleMinusKeys() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		starts, ends := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "start") })
		job := func(s string) string { return strings.Fields(s)[1] }
		running := operators.MinusKeys("running", operators.KeyBy(starts, "job", job), operators.KeyBy(ends, "job", job), operators.EndOfInput())
		pipeline.Write(p, "out", running, out, pipeline.EncodeText)
	}, "start a", "start b", "end a")
	// Output: final b
}

// Products have one entry each, so that nothing waits but what comes before its product.
func ExampleEnrich() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		products, orders := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "product") })
		number := func(s string) string { return strings.Fields(s)[1] }
		named := operators.Enrich("named", operators.KeyBy(orders, "number", number), operators.KeyBy(products, "number", number), func(order, product string) string {
			return "ordered: " + strings.Fields(product)[2]
		})
		pipeline.Write(p, "out", named, out, pipeline.EncodeText)
	}, "order 1", "product 1 coffee", "order 1", "order 2")
	// Output:
	// stable ordered: coffee
	// stable ordered: coffee
}

// An order is answered at once if its product is there, and the others when none can come any more.
func ExampleLeftEnrich() {
	run(func(p *pipeline.Pipeline, lines operators.Stream[string]) {
		products, orders := operators.Split(lines, func(s string) bool { return strings.HasPrefix(s, "product") })
		number := func(s string) string { return strings.Fields(s)[1] }
		named := operators.LeftEnrich("named", operators.KeyBy(orders, "number", number), operators.KeyBy(products, "number", number), operators.EndOfInput(),
			func(order string, product *string) string {
				return order + ": " + third(product)
			})
		pipeline.Write(p, "out", named, out, pipeline.EncodeText)
	}, "order 1", "order 2", "product 1 coffee", "order 1")
	// Unordered output:
	// stable order 1: coffee
	// stable order 1: coffee
	// stable order 2: ?
}
