package contest

// Event is a message of the workload json.
type Event struct {
	ID    string `json:"id"`
	User  string `json:"user"`
	Ad    string `json:"ad"`
	Kind  string `json:"kind"`
	Time  int64  `json:"time"`
	Price int    `json:"price"`
	Page  string `json:"page"`
}
