<?php
// SPDX-License-Identifier: Apache-2.0

// Messages of PSR-7, for functions that bring no library. Parameters are untyped, so that
// they fit both versions of the interfaces, should a function bring those alone.

declare(strict_types=1);

namespace DayflyGuest\Psr7;

use Psr\Http\Message\MessageInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\ServerRequestInterface;
use Psr\Http\Message\StreamInterface;
use Psr\Http\Message\UploadedFileInterface;
use Psr\Http\Message\UriInterface;

require_once __DIR__ . '/stream.php';
require_once __DIR__ . '/uri.php';

/** What requests and responses have in common. */
abstract class Message implements MessageInterface
{
    protected StreamInterface $body;
    protected string $version = '1.1';
    /** @var array<string, array{string, string[]}> by lower-case name: name and values */
    private array $headers = [];

    /** @param array<string, string|string[]> $headers */
    protected function fill(array $headers, mixed $body, string $version): void
    {
        foreach ($headers as $name => $value) {
            $this->headers[strtolower((string) $name)] = [(string) $name, self::values($value)];
        }
        $this->body = Stream::of($body);
        $this->version = $version;
    }

    public function getProtocolVersion(): string
    {
        return $this->version;
    }

    public function withProtocolVersion($version): static
    {
        return $this->with('version', $version);
    }

    public function getHeaders(): array
    {
        return array_column($this->headers, 1, 0);
    }

    public function hasHeader($name): bool
    {
        return isset($this->headers[strtolower($name)]);
    }

    public function getHeader($name): array
    {
        return $this->headers[strtolower($name)][1] ?? [];
    }

    public function getHeaderLine($name): string
    {
        return implode(', ', $this->getHeader($name));
    }

    public function withHeader($name, $value): static
    {
        $made = clone $this;
        $made->headers[strtolower($name)] = [$name, self::values($value)];
        return $made;
    }

    public function withAddedHeader($name, $value): static
    {
        return $this->withHeader($name, array_merge($this->getHeader($name), self::values($value)));
    }

    public function withoutHeader($name): static
    {
        $made = clone $this;
        unset($made->headers[strtolower($name)]);
        return $made;
    }

    public function getBody(): StreamInterface
    {
        return $this->body;
    }

    public function withBody(StreamInterface $body): static
    {
        return $this->with('body', $body);
    }

    protected function with(string $property, mixed $value): static
    {
        $made = clone $this;
        $made->$property = $value;
        return $made;
    }

    /** @return string[] */
    private static function values(mixed $value): array
    {
        return array_map(static function ($one): string {
            if (preg_match('/[\r\n\0]/', (string) $one)) {
                throw new \InvalidArgumentException('a header\'s value has no line ends');
            }
            return trim((string) $one, " \t");
        }, array_values((array) $value));
    }
}

/** A response. */
class Response extends Message implements ResponseInterface
{
    /** @param array<string, string|string[]> $headers */
    public function __construct(
        private int $status = 200,
        array $headers = [],
        mixed $body = null,
        string $version = '1.1',
        private ?string $reason = null
    ) {
        $this->fill($headers, $body, $version);
    }

    public function getStatusCode(): int
    {
        return $this->status;
    }

    public function withStatus($code, $reasonPhrase = ''): static
    {
        return $this->with('status', (int) $code)->with('reason', $reasonPhrase);
    }

    public function getReasonPhrase(): string
    {
        return $this->reason ?? '';
    }

    protected function with(string $property, mixed $value): static
    {
        $made = clone $this;
        $made->$property = $value;
        return $made;
    }
}

/** A request as a server gets it. */
class ServerRequest extends Message implements ServerRequestInterface
{
    private UriInterface $uri;
    private ?string $target = null;
    /** @var array<string, string> */
    private array $cookies = [];
    /** @var array<string, mixed> */
    private array $query = [];
    /** @var array<string, mixed> */
    private array $files = [];
    private mixed $parsed = null;
    /** @var array<string, mixed> */
    private array $attributes = [];

    /**
     * @param array<string, string|string[]> $headers
     * @param array<string, string> $server
     */
    public function __construct(
        private string $method,
        mixed $uri,
        array $headers = [],
        mixed $body = null,
        string $version = '1.1',
        private array $server = []
    ) {
        $this->uri = $uri instanceof UriInterface ? $uri : new Uri((string) $uri);
        $this->fill($headers, $body, $version);
    }

    public function getRequestTarget(): string
    {
        $query = $this->uri->getQuery();
        return $this->target ?? ($this->uri->getPath() ?: '/') . ($query === '' ? '' : "?$query");
    }

    public function withRequestTarget($requestTarget): static
    {
        return $this->with('target', $requestTarget);
    }

    public function getMethod(): string
    {
        return $this->method;
    }

    public function withMethod($method): static
    {
        return $this->with('method', $method);
    }

    public function getUri(): UriInterface
    {
        return $this->uri;
    }

    public function withUri(UriInterface $uri, $preserveHost = false): static
    {
        $made = $this->with('uri', $uri);
        return $preserveHost || $uri->getHost() === '' ? $made : $made->withHeader('Host', $uri->getAuthority());
    }

    public function getServerParams(): array
    {
        return $this->server;
    }

    public function getCookieParams(): array
    {
        return $this->cookies;
    }

    public function withCookieParams(array $cookies): static
    {
        return $this->with('cookies', $cookies);
    }

    public function getQueryParams(): array
    {
        return $this->query;
    }

    public function withQueryParams(array $query): static
    {
        return $this->with('query', $query);
    }

    public function getUploadedFiles(): array
    {
        return $this->files;
    }

    public function withUploadedFiles(array $uploadedFiles): static
    {
        return $this->with('files', $uploadedFiles);
    }

    public function getParsedBody(): mixed
    {
        return $this->parsed;
    }

    public function withParsedBody($data): static
    {
        return $this->with('parsed', $data);
    }

    public function getAttributes(): array
    {
        return $this->attributes;
    }

    public function getAttribute($name, $default = null): mixed
    {
        return $this->attributes[$name] ?? $default;
    }

    public function withAttribute($name, $value): static
    {
        return $this->with('attributes', [$name => $value] + $this->attributes);
    }

    public function withoutAttribute($name): static
    {
        return $this->with('attributes', array_diff_key($this->attributes, [$name => null]));
    }

    protected function with(string $property, mixed $value): static
    {
        $made = clone $this;
        $made->$property = $value;
        return $made;
    }
}

/** A file of a form. */
class UploadedFile implements UploadedFileInterface
{
    private StreamInterface $stream;

    public function __construct(
        mixed $stream,
        private ?int $size,
        private int $error,
        private ?string $name = null,
        private ?string $type = null
    ) {
        $this->stream = Stream::of($stream);
    }

    public function getStream(): StreamInterface
    {
        return $this->stream;
    }

    public function moveTo($targetPath): void
    {
        if (file_put_contents($targetPath, (string) $this->stream) === false) {
            throw new \RuntimeException("the file cannot be moved to $targetPath");
        }
    }

    public function getSize(): ?int
    {
        return $this->size;
    }

    public function getError(): int
    {
        return $this->error;
    }

    public function getClientFilename(): ?string
    {
        return $this->name;
    }

    public function getClientMediaType(): ?string
    {
        return $this->type;
    }
}

foreach (['GuzzleHttp\Psr7\Response', 'Nyholm\Psr7\Response'] as $known) {
    if (!class_exists($known, false)) {
        class_alias(Response::class, $known);
    }
}
unset($known);
