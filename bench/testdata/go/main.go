// Bare answers "ok" on $PORT: as a function, and by itself as the floor below one.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		return // asked only to start
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		if r.URL.RawQuery != "" {
			ms, _ := strconv.Atoi(r.URL.Query().Get("sleep"))
			time.Sleep(time.Duration(ms) * time.Millisecond)
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("X-Handler-Micros", strconv.FormatInt(time.Since(began).Microseconds(), 10))
		io.WriteString(w, "ok\n")
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
