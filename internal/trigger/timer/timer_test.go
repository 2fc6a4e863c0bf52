// SPDX-License-Identifier: Apache-2.0

package timer_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/cron"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/trigger/timer"
)

func allow(c *dayfly.CronTrigger) { c.Overlap = dayfly.OverlapAllow }

func TestAMonthFiresInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("hourly", "0 * * * *"), every("daily", "30 9 * * *"), every("weekly", "@weekly"))
	other := dayfly.FunctionRef{Project: "shop", Name: "sum"}
	w.deploy(t, other, every("monthly", "@monthly"), every("never", "at(2020-01-01T00:00:00)"))
	tm, _ := w.start(t, w.clock)
	entered(t, w, tm, "hourly", "daily", "weekly", "monthly", "never")
	begin := w.clock.Now()
	fired := w.advance(t, 30*24*time.Hour)
	pushes := w.inbox.pushes()
	count := map[dayfly.TriggerName]int{}
	last := begin
	for _, p := range pushes {
		count[p.Trigger]++
		if p.Event.Time.Before(last) {
			t.Errorf("%s of %s came after %s", p.Trigger, p.Event.Time, last)
		}
		last = p.Event.Time
	}
	if fired != len(pushes) || count["hourly"] != 720 || count["daily"] != 30 || count["weekly"] < 4 ||
		count["never"] != 0 {
		t.Errorf("%d fired, %d accepted: %v; want 720 hourly, 30 daily, 4 or 5 weekly", fired, len(pushes), count)
	}
	want := []string{"1 missed: it was past when the cron was deployed"}
	if d := cmp.Diff(want, runs(t, tm, other, "never")); d != "" {
		t.Errorf("ledger of the past one (-want +got):\n%s", d)
	}
}

func TestTheEventTellsOfItsCron(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("nightly", "0 3 * * *", func(c *dayfly.CronTrigger) { c.Zone = "Asia/Kolkata" }))
	tm, _ := w.start(t, w.clock)
	entered(t, w, tm, "nightly")
	w.advance(t, 24*time.Hour)
	pushes := w.inbox.pushes()
	if len(pushes) != 1 {
		t.Fatalf("%d events in a day, want 1", len(pushes))
	}
	p := pushes[0]
	due := p.Event.Time
	if due.UTC().Format("15:04:05") != "21:30:00" {
		t.Errorf("it was due %s, want 21:30 UTC, 3 o'clock in Kolkata", due)
	}
	var data dayfly.CronData
	if err := json.Unmarshal(p.Event.Data, &data); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(dayfly.CronData{Cron: "0 3 * * *", ScheduledTime: due, Trigger: "nightly"}, data); d != "" {
		t.Errorf("data (-want +got):\n%s", d)
	}
	p.Event.Data = nil
	want := queue.Push{ID: p.ID, Function: report, Source: dayfly.SourceCron, Trigger: "nightly",
		Event: &dayfly.Event{ID: string(p.ID), Source: "/projects/default/functions/report/crons/nightly",
			Type: dayfly.EventCron, Time: due, ContentType: "application/json"}}
	if d := cmp.Diff(want, p); d != "" {
		t.Errorf("pushed (-want +got):\n%s", d)
	}
}

func TestTheLedgerKeepsTheNewestTwoHundred(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("often", "@every 1m", allow))
	tm, _ := w.start(t, w.clock)
	entered(t, w, tm, "often")
	w.advance(t, 333*time.Minute)
	history, err := tm.History(t.Context(), report, "often", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(history) != 200 {
		t.Fatalf("History gives %d entries after 333 runs, want 200", len(history))
	}
	for n, r := range history {
		if r.Number != uint64(333-n) || r.Outcome != cron.Ran || r.Event == "" {
			t.Fatalf("entry %d is %+v, want number %d that ran", n, r, 333-n)
		}
	}
	if short, err := tm.History(t.Context(), report, "often", 3); len(short) != 3 || err != nil ||
		short[0].Number != 333 {
		t.Errorf("History of three: %v, %v", short, err)
	}
	crons, err := tm.Crons(t.Context(), "", "")
	if err != nil || len(crons) != 1 || crons[0].Last == nil || crons[0].Last.Number != 333 ||
		!crons[0].Next.After(w.clock.Now()) {
		t.Errorf("Crons = %+v, %v; want one with its last run and its next", crons, err)
	}
	if _, err := tm.History(t.Context(), report, "other", 3); dayfly.KindOf(err) != dayfly.KindNotFound ||
		!strings.Contains(fmt.Sprint(err), "no cron other") {
		t.Errorf("History of a cron that is not there: %v", err)
	}
}

func TestDowntimeIsCaughtUpAsTheCronSays(t *testing.T) {
	t.Parallel()
	const none, last, all = dayfly.CatchUpNone, dayfly.CatchUpLast, dayfly.CatchUpAll
	caught := "late: no node ran at its time; it is caught up"
	for name, c := range map[string]struct {
		expression string
		policy     dayfly.CatchUp
		window     time.Duration
		downtime   time.Duration
		want       []string // the last ones, when there are many
	}{
		"none":           {"@every 1h", none, 0, 150 * time.Minute, []string{"1 missed 2: no node ran, and the cron does not catch up"}},
		"the default":    {"@every 1h", "", 0, 90 * time.Minute, []string{"1 " + caught}},
		"last":           {"@every 1h", last, 0, 210 * time.Minute, []string{"1 missed 2: no node ran, and only the latest is caught up", "2 " + caught}},
		"all":            {"@every 1h", all, 0, 210 * time.Minute, []string{"1 " + caught, "2 " + caught, "3 " + caught}},
		"a short window": {"@every 1h", all, 100 * time.Minute, 210 * time.Minute, []string{"1 missed: no node ran, and it is older than the catch-up window of 1h40m0s", "2 " + caught, "3 " + caught}},
		"all too old":    {"@every 1h", last, 10 * time.Minute, 210 * time.Minute, []string{"1 missed 3: no node ran, and it is older than the catch-up window of 10m0s"}},
		"the default's":  {"@every 12h", all, 0, 50 * time.Hour, []string{"1 missed 2: no node ran, and it is older than the catch-up window of 24h0m0s", "2 " + caught, "3 " + caught}},
		"a hundred at most": {"@every 1s", all, time.Hour, 30 * time.Minute, []string{
			"1 missed 1690: no node ran, and only the newest 100 are caught up"}},
		"more than is counted": {"@every 1s", none, time.Hour, 10 * time.Hour, []string{
			"1 missed 10000: no node ran, and the cron does not catch up"}},
		"once":            {"at(2099-01-01T00:00:00)", last, 0, time.Hour, nil},
		"a short absence": {"@every 1h", none, 0, time.Hour + 5*time.Second, []string{"1 ran"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.deploy(t, report, every("c", c.expression, func(tr *dayfly.CronTrigger) {
				tr.CatchUp, tr.CatchUpWindow, tr.Overlap = c.policy, c.window, dayfly.OverlapAllow
			}))
			tm, stop := w.start(t, w.clock)
			entered(t, w, tm, "c")
			stop()
			w.advance(t, c.downtime)
			tm, _ = w.start(t, w.clock)
			var got []string
			waitFor(t, "the ledger", func() bool {
				got = runs(t, tm, report, "c")
				return len(got) >= len(c.want)
			})
			if strings.HasPrefix(c.expression, "@every 1s") {
				// Seconds go on while the test looks: how many were missed is not exact.
				got = []string{missedAbout(got[0], c.want[0])}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("ledger (-want +got):\n%s", d)
			}
		})
	}
}

// missedAbout gives want when got says the same with a count that is near.
func missedAbout(got, want string) string {
	var a, b, n int
	_, err1 := fmt.Sscanf(got, "%d missed %d", &n, &a)
	_, err2 := fmt.Sscanf(want, "%d missed %d", &n, &b)
	_, restGot, _ := strings.Cut(got, ":")
	_, restWant, _ := strings.Cut(want, ":")
	if err1 == nil && err2 == nil && a-b < 30 && b-a < 30 && restGot == restWant {
		return want
	}
	return got
}

func TestAllThatIsCaughtUpIsFiredInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("c", "@every 1m", func(c *dayfly.CronTrigger) { c.CatchUp = dayfly.CatchUpAll }))
	tm, stop := w.start(t, w.clock)
	entered(t, w, tm, "c")
	stop()
	w.advance(t, 3*time.Hour)
	_, _ = w.start(t, w.clock)
	waitFor(t, "a hundred events", func() bool { return len(w.inbox.pushes()) >= 100 })
	pushes := w.inbox.pushes()
	for n := 1; n < len(pushes); n++ {
		if got := pushes[n].Event.Time.Sub(pushes[n-1].Event.Time); got != time.Minute {
			t.Fatalf("event %d is due %s after the one before, want 1m", n, got)
		}
	}
	if len(pushes) > 101 {
		t.Errorf("%d events were caught up, want the newest 100", len(pushes))
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	skipping := []string{"1 ran", "2 skipped: the run of T is still under way",
		"3 skipped: the run of T is still under way"}
	all := []string{"1 ran", "2 ran", "3 ran"}
	functions := map[dayfly.FunctionName]struct {
		policy dayfly.Overlap
		want   []string
	}{
		"default": {"", skipping}, "skip": {dayfly.OverlapSkip, skipping},
		"queue": {dayfly.OverlapQueue, all}, "allow": {dayfly.OverlapAllow, all},
	}
	w := newWorld(t)
	ref := func(name dayfly.FunctionName) dayfly.FunctionRef {
		return dayfly.FunctionRef{Project: "default", Name: name}
	}
	for name, f := range functions {
		w.deploy(t, ref(name), every("c", "@every 1s", func(c *dayfly.CronTrigger) { c.Overlap = f.policy }))
	}
	tm, _ := w.start(t, w.clock)
	first := map[dayfly.FunctionName]queue.Push{}
	waitFor(t, "the first of each", func() bool {
		for _, p := range w.inbox.pushes() {
			if _, seen := first[p.Function.Name]; !seen {
				first[p.Function.Name] = p
				w.inbox.set(p.ID, dayfly.EventRunning) // also: pending, delayed between its attempts
			}
		}
		return len(first) == len(functions)
	})
	for name := range functions {
		waitFor(t, "three of "+string(name), func() bool { return len(runs(t, tm, ref(name), "c")) >= 3 })
		w.inbox.set(first[name].ID, dayfly.EventDead)
	}
	for name, f := range functions {
		var got []string
		waitFor(t, "another run of "+string(name), func() bool {
			got = runs(t, tm, ref(name), "c")
			return len(got) > 3 && strings.HasSuffix(got[len(got)-1], " ran")
		})
		got = got[:3]
		for n := range got {
			got[n] = strings.ReplaceAll(got[n], first[name].Event.Time.Format(time.RFC3339), "T")
		}
		if d := cmp.Diff(f.want, got); d != "" {
			t.Errorf("overlap %q: ledger (-want +got):\n%s", f.policy, d)
		}
		if ordered := first[name].OrderKey != ""; ordered != (f.policy == dayfly.OverlapQueue) {
			t.Errorf("overlap %q: order key %q; only those that wait for each other have one", f.policy,
				first[name].OrderKey)
		}
	}
}

func TestAJumpGivesRunsTheTimeThatTheyWouldHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("c", "@every 1h"))
	tm, _ := w.start(t, w.clock)
	entered(t, w, tm, "c")
	// Each run takes 20 ms: far less than an hour.
	w.inbox.refuse = func(p queue.Push) error {
		time.AfterFunc(20*time.Millisecond, func() { w.inbox.set(p.ID, dayfly.EventDone) })
		go w.inbox.set(p.ID, dayfly.EventRunning)
		return nil
	}
	if fired := w.advance(t, 10*time.Hour); fired != 10 {
		t.Errorf("%d fired in ten hours, want 10: %v", fired, runs(t, tm, report, "c"))
	}
	time.Sleep(30 * time.Millisecond) // the last run's end, which nobody waits for
}

func TestDeploysKeepTheLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("c", "@every 1h"), every("once", "at(2099-01-01T00:00:00)"))
	tm, _ := w.start(t, w.clock)
	entered(t, w, tm, "c", "once")
	w.advance(t, 61*time.Minute)
	next := func(want time.Duration, what string) {
		t.Helper()
		waitFor(t, what, func() bool {
			crons, err := tm.Crons(t.Context(), "default", "report")
			if err != nil {
				t.Fatal(err)
			}
			n := slices.IndexFunc(crons, func(c cron.Info) bool { return c.Trigger == "c" })
			return n >= 0 && crons[n].Next.Sub(w.clock.Now()).Round(time.Minute) == want
		})
	}
	w.deploy(t, report, every("c", "@every 3h"), every("once", "at(2099-01-01T00:00:00)"))
	next(3*time.Hour, "a new expression to count from its deploy")
	w.advance(t, 181*time.Minute)
	w.deploy(t, report) // it is gone for ten hours: nothing is missed
	waitFor(t, "it to be gone", func() bool {
		r, err := w.store.Get(t.Context(), "head/default/report/c")
		return err == nil && strings.Contains(string(r.Value), `"gone"`)
	})
	w.advance(t, 10*time.Hour)
	w.deploy(t, report, every("c", "@every 3h"), every("once", "at(2099-01-01T00:00:00)"))
	entered(t, w, tm, "c", "once")
	next(3*time.Hour, "a cron that is back to count from then")
	w.advance(t, 181*time.Minute)
	if d := cmp.Diff([]string{"1 ran", "2 ran", "3 ran"}, runs(t, tm, report, "c")); d != "" {
		t.Errorf("ledger over deploys (-want +got):\n%s", d)
	}
	if err := w.Remove(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the ledger to be deleted", func() bool {
		records, err := w.store.List(t.Context(), "")
		return err == nil && len(records) == 0
	})
}

func TestAtFiresOnceHoweverOftenItIsDeployed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := "at(" + w.clock.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05") + ")"
	w.deploy(t, report, every("once", at))
	tm, stop := w.start(t, w.clock)
	entered(t, w, tm, "once")
	w.advance(t, 2*time.Hour)
	for range 3 {
		w.deploy(t, report)
		w.deploy(t, report, every("once", at))
		stop()
		tm, stop = w.start(t, w.clock)
		entered(t, w, tm, "once")
		w.advance(t, 2*time.Hour)
	}
	if d := cmp.Diff([]string{"1 ran"}, runs(t, tm, report, "once")); d != "" || len(w.inbox.pushes()) != 1 {
		t.Errorf("%d events; ledger (-want +got):\n%s", len(w.inbox.pushes()), d)
	}
}

func TestWhatIsNotAcceptedIsTriedAgainOrTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("c", "@every 1h"))
	tm, _ := w.start(t, w.clock)
	entered(t, w, tm, "c")
	refusals := 2
	w.inbox.refuse = func(queue.Push) error {
		if refusals--; refusals >= 0 {
			return dayfly.Errorf(dayfly.KindExhausted, "the lane is full")
		}
		return nil
	}
	w.advance(t, 61*time.Minute)
	w.inbox.mu.Lock()
	w.inbox.refuse = func(queue.Push) error { return dayfly.Errorf(dayfly.KindInvalid, "it is too large") }
	w.inbox.mu.Unlock()
	w.advance(t, time.Hour)
	want := []string{"1 ran", "2 missed: its event was not accepted: it is too large"}
	if d := cmp.Diff(want, runs(t, tm, report, "c")); d != "" {
		t.Errorf("ledger (-want +got):\n%s", d)
	}
}

func TestJitterIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var sum time.Duration
	for n := range 1000 {
		at := due.Add(time.Duration(n) * time.Hour)
		d := timer.Delay(report, "c", at, time.Minute)
		if d < 0 || d >= time.Minute || d != timer.Delay(report, "c", at, time.Minute) {
			t.Fatalf("jitter of %s is %s, want one below a minute", at, d)
		}
		sum += d
	}
	if mean := sum / 1000; mean < 25*time.Second || mean > 35*time.Second {
		t.Errorf("mean jitter is %s, want about 30s", mean)
	}
	w := newWorld(t)
	w.deploy(t, report, every("c", "@every 1h", func(c *dayfly.CronTrigger) { c.Jitter = 10 * time.Minute }))
	tm, _ := w.start(t, w.clock)
	entered(t, w, tm, "c")
	w.advance(t, 5*time.Hour+10*time.Minute)
	for _, p := range w.inbox.pushes() {
		history, err := tm.History(t.Context(), report, "c", 200)
		if err != nil {
			t.Fatal(err)
		}
		n := slices.IndexFunc(history, func(r cron.Run) bool { return r.Event == p.ID })
		want := timer.Delay(report, "c", p.Event.Time, 10*time.Minute)
		if got := history[n].At.Sub(history[n].Due); got != want {
			t.Errorf("%s fired %s after it was due, want %s", p.Event.Time, got, want)
		}
	}
	if n := len(w.inbox.pushes()); n != 5 {
		t.Errorf("%d fired in five hours, want 5", n)
	}
}

func TestFireNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("c", "@yearly"))
	tm, _ := w.start(t, w.clock)
	entered(t, w, tm, "c")
	event, err := tm.Fire(t.Context(), report, "c")
	if err != nil {
		t.Fatal(err)
	}
	if p := w.inbox.pushes(); len(p) != 1 || p[0].ID != event {
		t.Errorf("Fire gave %s and pushed %v", event, p)
	}
	if d := cmp.Diff([]string{"1 ran: asked for"}, runs(t, tm, report, "c")); d != "" {
		t.Errorf("ledger (-want +got):\n%s", d)
	}
	if _, err := tm.Fire(t.Context(), report, "d"); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("Fire of a cron that is not there: %v", err)
	}
}

func TestARestartSetsAVirtualClockBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("hourly", "0 * * * *", allow), every("often", "@every 1h", allow))
	tm, stop := w.start(t, w.clock)
	entered(t, w, tm, "hourly", "often")
	w.advance(t, 72*time.Hour)
	stop()
	w.clock = clock.NewVirtual()
	tm, _ = w.start(t, w.clock)
	waitFor(t, "the next hour", func() bool {
		crons, err := tm.Crons(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		return crons[0].Next.Sub(w.clock.Now()) <= time.Hour && crons[1].Next.Sub(w.clock.Now()) <= time.Hour
	})
}
