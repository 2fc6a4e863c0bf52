// SPDX-License-Identifier: Apache-2.0

// Command sales tells suppliers what was sold, and nothing of who bought it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
)

// report is the answer.
type report struct {
	Orders int            `json:"orders"`
	Sold   map[string]int `json:"sold"`
}

// page is a part of the list of orders.
type page struct {
	Values []struct {
		Value []byte `json:"value"`
	} `json:"values"`
	Next string `json:"next"`
}

func main() {
	http.HandleFunc("GET /api/sales", func(w http.ResponseWriter, r *http.Request) {
		sum, err := count(r.Context())
		if err != nil {
			log.Print(err)
			http.Error(w, "the orders cannot be read now", http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(sum) // who went away needs no answer
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

// count reads all orders, a page at a time.
func count(ctx context.Context) (report, error) {
	sum := report{Sold: map[string]int{}}
	for after := ""; ; {
		p, err := read(ctx, after)
		if err != nil {
			return sum, err
		}
		for _, one := range p.Values {
			var order struct {
				Items []struct {
					Product  string
					Quantity int
				}
			}
			if err := json.Unmarshal(one.Value, &order); err != nil {
				return sum, err
			}
			sum.Orders++
			for _, item := range order.Items {
				sum.Sold[item.Product] += item.Quantity
			}
		}
		if after = p.Next; after == "" {
			return sum, nil
		}
	}
}

func read(ctx context.Context, after string) (p page, err error) {
	query := url.Values{"values": {"1"}, "limit": {"1000"}, "after": {after}}
	at := os.Getenv("DAYFLY_URL") + "/kv/orders?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return p, err
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("DAYFLY_TOKEN"))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return p, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return p, fmt.Errorf("the store answered %s", res.Status)
	}
	return p, json.NewDecoder(res.Body).Decode(&p)
}
