<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest\Psr7;

use Psr\Http\Message\UriInterface;

/** An address. */
final class Uri implements UriInterface
{
    private const PORTS = ['http' => 80, 'https' => 443];

    private string $scheme = '';
    private string $user = '';
    private string $host = '';
    private ?int $port = null;
    private string $path = '';
    private string $query = '';
    private string $fragment = '';

    public function __construct(string $text)
    {
        $parts = parse_url($text);
        if ($parts === false) {
            throw new \InvalidArgumentException("\"$text\" is no address");
        }
        foreach (['scheme', 'host', 'port', 'path', 'query', 'fragment'] as $name) {
            $this->$name = $parts[$name] ?? $this->$name;
        }
        $this->user = ($parts['user'] ?? '') . (isset($parts['pass']) ? ":{$parts['pass']}" : '');
    }

    public function getScheme(): string
    {
        return strtolower($this->scheme);
    }

    public function getAuthority(): string
    {
        $user = $this->user === '' ? '' : "$this->user@";
        $port = $this->getPort();
        return $this->host === '' ? '' : $user . $this->getHost() . ($port === null ? '' : ":$port");
    }

    public function getUserInfo(): string
    {
        return $this->user;
    }

    public function getHost(): string
    {
        return strtolower($this->host);
    }

    public function getPort(): ?int
    {
        return $this->port === (self::PORTS[$this->getScheme()] ?? null) ? null : $this->port;
    }

    public function getPath(): string
    {
        return $this->path;
    }

    public function getQuery(): string
    {
        return $this->query;
    }

    public function getFragment(): string
    {
        return $this->fragment;
    }

    public function withScheme($scheme): static
    {
        return $this->with('scheme', $scheme);
    }

    public function withUserInfo($user, $password = null): static
    {
        return $this->with('user', $user . ($password === null ? '' : ":$password"));
    }

    public function withHost($host): static
    {
        return $this->with('host', $host);
    }

    public function withPort($port): static
    {
        return $this->with('port', $port);
    }

    public function withPath($path): static
    {
        return $this->with('path', $path);
    }

    public function withQuery($query): static
    {
        return $this->with('query', $query);
    }

    public function withFragment($fragment): static
    {
        return $this->with('fragment', $fragment);
    }

    public function __toString(): string
    {
        $authority = $this->getAuthority();
        return ($this->scheme === '' ? '' : $this->getScheme() . ':') . ($authority === '' ? '' : "//$authority") . $this->path
            . ($this->query === '' ? '' : "?$this->query") . ($this->fragment === '' ? '' : "#$this->fragment");
    }

    private function with(string $property, mixed $value): static
    {
        $made = clone $this;
        $made->$property = $value;
        return $made;
    }
}
