<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** Reads the forms of request bodies as PHP's superglobals would hold them. */
final class Form
{
    private const PARTS_MAX = 1000; // of one body, as PHP's max_input_vars

    /** @var array<string, mixed> */
    public array $fields = [];
    /** @var array<string, array{name: string, type: string, content: string}> */
    public array $files = [];

    public static function read(string $type, string $body): self
    {
        $form = new self();
        if (stripos($type, 'application/x-www-form-urlencoded') === 0) {
            parse_str($body, $form->fields);
        } elseif (preg_match('{^multipart/form-data\s*;.*boundary="?([^";]+)"?}i', $type, $match)) {
            $form->multipart($match[1], $body);
        }
        return $form;
    }

    private function multipart(string $boundary, string $body): void
    {
        $pairs = [];
        $parts = explode("\r\n--$boundary", "\r\n" . $body, self::PARTS_MAX);
        foreach (array_slice($parts, 1) as $part) {
            [$head, $content] = explode("\r\n\r\n", $part, 2) + [1 => ''];
            if (str_starts_with($part, '--') || !preg_match('/\bname="((?:[^"\\\\]|\\\\.)*)"/i', $head, $name)) {
                continue;
            }
            if (preg_match('/\bfilename="((?:[^"\\\\]|\\\\.)*)"/i', $head, $file)) {
                preg_match('/^content-type:\s*([^\r\n]+)/im', $head, $type);
                $this->files[$name[1]] = ['name' => basename($file[1]),
                    'type' => $type[1] ?? 'application/octet-stream', 'content' => $content];
            } else {
                $pairs[] = rawurlencode($name[1]) . '=' . rawurlencode($content);
            }
        }
        // Names such as a[b][] nest, as parse_str knows.
        parse_str(str_replace(['%5B', '%5D'], ['[', ']'], implode('&', $pairs)), $this->fields);
    }
}
