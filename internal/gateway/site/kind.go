// SPDX-License-Identifier: Apache-2.0

package site

import (
	"path"
	"strings"
)

// unknownKind is the content type of what is no known kind of file.
const unknownKind = "application/octet-stream"

// kindOf gives the content type of a file by its name. The table is ours: that of the
// machine differs from one to the next, and nosniff makes browsers believe it.
func kindOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs", ".cjs":
		return "text/javascript; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".txt", ".text", ".log", ".vtt", ".csv", ".md", ".xml", ".rss", ".atom", ".xhtml", ".ics":
		return textKind(name)
	case ".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".ico", ".bmp", ".tif", ".tiff", ".jxl", ".apng", ".heic":
		return imageKind(name)
	case ".woff", ".woff2", ".ttf", ".otf", ".eot":
		return fontKind(name)
	case ".mp3", ".m4a", ".ogg", ".oga", ".opus", ".wav", ".flac", ".aac", ".mp4", ".m4v", ".webm", ".ogv", ".mov", ".m3u8", ".ts", ".mpd":
		return mediaKind(name)
	case ".wasm":
		return "application/wasm"
	case ".pdf":
		return "application/pdf"
	case ".zip":
		return "application/zip"
	case ".gz", ".tgz":
		return "application/gzip"
	case ".jsonld":
		return "application/ld+json"
	case ".ndjson", ".jsonl":
		return "application/x-ndjson"
	case ".geojson":
		return "application/geo+json"
	case ".yaml", ".yml":
		return "application/yaml"
	}
	return unknownKind
}

func textKind(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".vtt":
		return "text/vtt; charset=utf-8"
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".md":
		return "text/markdown; charset=utf-8"
	case ".xml":
		return "application/xml"
	case ".rss":
		return "application/rss+xml"
	case ".atom":
		return "application/atom+xml"
	case ".xhtml":
		return "application/xhtml+xml"
	case ".ics":
		return "text/calendar; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

func imageKind(name string) string {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".svg":
		return "image/svg+xml"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".ico":
		return "image/x-icon"
	case ".tif", ".tiff":
		return "image/tiff"
	default:
		return "image/" + ext[1:]
	}
}

func fontKind(name string) string {
	if ext := strings.ToLower(path.Ext(name)); ext != ".eot" {
		return "font/" + ext[1:]
	}
	return "application/vnd.ms-fontobject"
}

func mediaKind(name string) string {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".mp3":
		return "audio/mpeg"
	case ".m4a":
		return "audio/mp4"
	case ".ogg", ".oga", ".opus":
		return "audio/ogg"
	case ".wav", ".flac", ".aac":
		return "audio/" + ext[1:]
	case ".m4v":
		return "video/mp4"
	case ".ogv":
		return "video/ogg"
	case ".mov":
		return "video/quicktime"
	case ".m3u8":
		return "application/vnd.apple.mpegurl"
	case ".ts":
		return "video/mp2t"
	case ".mpd":
		return "application/dash+xml"
	default:
		return "video/" + ext[1:]
	}
}
