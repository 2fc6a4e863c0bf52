<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** Makes PSR-7 requests: of the function's own library, or of our stand-in. */
final class Request
{
    private const KNOWN = ['Nyholm\Psr7\ServerRequest', 'GuzzleHttp\Psr7\ServerRequest'];

    public static function of(Call $call): \Psr\Http\Message\ServerRequestInterface
    {
        $head = $call->head;
        if (($head['kind'] ?? '') === 'event') {
            $head = ['method' => 'POST', 'path' => '/', 'headers' => [['content-type', 'application/json']]] + $head;
        }
        $headers = self::headers($head);
        $body = $call->body();
        $query = ($head['query'] ?? '') === '' ? '' : '?' . $head['query'];
        $uri = ($head['scheme'] ?? 'http') . '://' . (($head['host'] ?? '') ?: 'localhost') . ($head['path'] ?? '/') . $query;
        $class = self::library();
        $request = new $class($head['method'] ?? 'POST', $uri, $headers, $body, '1.1', self::server($head, $query));
        parse_str($head['query'] ?? '', $parameters);
        $type = $headers['content-type'][0] ?? '';
        $form = Form::read($type, $body);
        $request = $request->withQueryParams($parameters)->withCookieParams(self::cookies($headers));
        if ($form->fields !== [] || $form->files !== []) {
            $request = $request->withParsedBody($form->fields)->withUploadedFiles(self::files($form, $class));
        }
        return $request;
    }

    private static function library(): string
    {
        foreach (self::KNOWN as $class) {
            if (class_exists($class)) {
                return $class;
            }
        }
        require_once __DIR__ . '/standins/http.php';
        return Psr7\ServerRequest::class;
    }

    /**
     * @param array<string, mixed> $head
     * @return array<string, string[]>
     */
    private static function headers(array $head): array
    {
        $headers = ['host' => [($head['host'] ?? '') ?: 'localhost']];
        foreach ($head['headers'] ?? [] as [$name, $value]) {
            if ($name !== 'host') {
                $headers[$name][] = $value;
            }
        }
        if (isset($head['trace'])) {
            $headers['traceparent'] = [$head['trace']];
        }
        return $headers;
    }

    /**
     * @param array<string, mixed> $head
     * @return array<string, string>
     */
    private static function server(array $head, string $query): array
    {
        return ['REQUEST_METHOD' => $head['method'] ?? 'POST', 'REQUEST_URI' => ($head['path'] ?? '/') . $query,
            'QUERY_STRING' => $head['query'] ?? '', 'REMOTE_ADDR' => $head['remote'] ?? '',
            'SERVER_PROTOCOL' => 'HTTP/1.1', 'REQUEST_SCHEME' => $head['scheme'] ?? 'http'];
    }

    /**
     * @param array<string, string[]> $headers
     * @return array<string, string>
     */
    private static function cookies(array $headers): array
    {
        $cookies = [];
        foreach ($headers['cookie'] ?? [] as $line) {
            foreach (explode(';', $line) as $pair) {
                [$name, $value] = explode('=', trim($pair), 2) + [1 => ''];
                $cookies[$name] ??= urldecode($value);
            }
        }
        unset($cookies['']);
        return $cookies;
    }

    /** @return array<string, object> */
    private static function files(Form $form, string $class): array
    {
        $made = [];
        $uploaded = substr($class, 0, strrpos($class, '\\')) . '\UploadedFile';
        foreach ($form->files as $name => $file) {
            $stream = fopen('php://temp', 'r+');
            fwrite($stream, $file['content']);
            rewind($stream);
            $made[$name] = new $uploaded($stream, strlen($file['content']), UPLOAD_ERR_OK, $file['name'], $file['type']);
        }
        return $made;
    }
}
