// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// bridge has what the library says go to log. It says much: what is good news there is
// detail here, since the events that matter are told by this package.
func bridge(log *slog.Logger) *zap.Logger { return zap.New(&words{log: log}) }

// words is a core that writes to another logger.
type words struct {
	log *slog.Logger
}

// Enabled implements zapcore.LevelEnabler.
func (w *words) Enabled(level zapcore.Level) bool {
	return w.log.Enabled(context.Background(), slogLevel(level))
}

// With implements zapcore.Core.
func (w *words) With(fields []zapcore.Field) zapcore.Core {
	return &words{log: w.log.With(pairs(fields)...)}
}

// Check implements zapcore.Core.
func (w *words) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if w.Enabled(e.Level) {
		return checked.AddCore(e, w)
	}
	return checked
}

// Write implements zapcore.Core.
func (w *words) Write(e zapcore.Entry, fields []zapcore.Field) error {
	w.log.Log(context.Background(), slogLevel(e.Level), e.Message, pairs(fields)...)
	return nil
}

// Sync implements zapcore.Core.
func (w *words) Sync() error { return nil }

func pairs(fields []zapcore.Field) []any {
	encoder := zapcore.NewMapObjectEncoder()
	list := make([]any, 0, 2*len(fields))
	for _, f := range fields {
		f.AddTo(encoder)
	}
	for key, value := range encoder.Fields {
		list = append(list, key, value)
	}
	return list
}

func slogLevel(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelWarn // it tries again
	case level == zapcore.WarnLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
