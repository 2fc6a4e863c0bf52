<?php
// SPDX-License-Identifier: Apache-2.0

// Stands in for google/cloud-functions-framework and the CloudEvents SDK when a function
// brings neither: what functions call while they are loaded, and the event they get.

declare(strict_types=1);

namespace Google\CloudFunctions {
    if (!class_exists(FunctionsFramework::class, false)) {
        class FunctionsFramework
        {
            public static function http(string $name, callable $fn): void
            {
                Registry::getInstance()->registerHttp($name, $fn);
            }

            public static function cloudEvent(string $name, callable $fn): void
            {
                Registry::getInstance()->registerCloudEvent($name, $fn);
            }
        }

        class Registry
        {
            private static ?Registry $instance = null;
            /** @var array<string, array{string, callable}> */
            private array $functions = [];

            public static function getInstance(): self
            {
                return self::$instance ??= new self();
            }

            public function registerHttp(string $name, callable $fn): void
            {
                $this->functions[$name] = ['http', $fn];
            }

            public function registerCloudEvent(string $name, callable $fn): void
            {
                $this->functions[$name] = ['cloudevent', $fn];
            }

            public function contains(string $name): bool
            {
                return isset($this->functions[$name]);
            }

            public function getFunctionType(string $name): string
            {
                return $this->functions[$name][0];
            }

            public function getFunctionHandle(string $name): callable
            {
                return $this->functions[$name][1];
            }
        }

        class CloudEvent
        {
            /** @param array<string, mixed> $fields */
            final private function __construct(private array $fields)
            {
            }

            /** @param array<string, mixed> $fields */
            public static function fromArray(array $fields): static
            {
                return new static($fields);
            }

            public function getId(): string
            {
                return $this->fields['id'];
            }

            public function getSource(): string
            {
                return $this->fields['source'];
            }

            public function getSpecVersion(): string
            {
                return $this->fields['specversion'];
            }

            public function getType(): string
            {
                return $this->fields['type'];
            }

            public function getDataContentType(): ?string
            {
                return $this->fields['datacontenttype'] ?? null;
            }

            public function getDataSchema(): ?string
            {
                return $this->fields['dataschema'] ?? null;
            }

            public function getSubject(): ?string
            {
                return $this->fields['subject'] ?? null;
            }

            public function getTime(): ?string
            {
                return $this->fields['time'] ?? null;
            }

            /** @return array<mixed>|null */
            public function getData(): ?array
            {
                return $this->fields['data'] ?? null;
            }
        }
    }
}

namespace CloudEvents\V1 {
    if (!interface_exists(CloudEventInterface::class)) {
        interface CloudEventInterface
        {
        }

        class CloudEventImmutable implements CloudEventInterface
        {
            /** @param array<string, mixed> $extensions */
            public function __construct(
                private string $id,
                private string $source,
                private string $type,
                private mixed $data = null,
                private ?string $dataContentType = null,
                private ?string $dataSchema = null,
                private ?string $subject = null,
                private ?\DateTimeImmutable $time = null,
                private array $extensions = []
            ) {
            }

            public function getSpecVersion(): string
            {
                return '1.0';
            }

            public function getId(): string
            {
                return $this->id;
            }

            public function getSource(): string
            {
                return $this->source;
            }

            public function getType(): string
            {
                return $this->type;
            }

            public function getData(): mixed
            {
                return $this->data;
            }

            public function getDataContentType(): ?string
            {
                return $this->dataContentType;
            }

            public function getDataSchema(): ?string
            {
                return $this->dataSchema;
            }

            public function getSubject(): ?string
            {
                return $this->subject;
            }

            public function getTime(): ?\DateTimeImmutable
            {
                return $this->time;
            }

            /** @return array<string, mixed> */
            public function getExtensions(): array
            {
                return $this->extensions;
            }

            public function getExtension(string $name): mixed
            {
                return $this->extensions[$name] ?? null;
            }
        }
    }
}
