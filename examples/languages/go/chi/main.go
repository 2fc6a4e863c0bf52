// SPDX-License-Identifier: Apache-2.0

// A JSON API on chi.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

type user struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func main() {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer)
	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("hello from chi"))
	})
	r.Route("/users", func(r chi.Router) {
		r.Get("/{id}", func(w http.ResponseWriter, r *http.Request) {
			json.NewEncoder(w).Encode(user{ID: chi.URLParam(r, "id"), Name: r.URL.Query().Get("name")})
		})
		r.Post("/", func(w http.ResponseWriter, r *http.Request) {
			var u user
			if err := json.NewDecoder(r.Body).Decode(&u); err != nil {
				http.Error(w, "bad JSON", http.StatusBadRequest)
				return
			}
			w.WriteHeader(http.StatusCreated)
			json.NewEncoder(w).Encode(u)
		})
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), r))
}
