// SPDX-License-Identifier: Apache-2.0

using System.Collections.Generic;
using System.Text.Json.Serialization;

// What stands in for Amazon.Lambda.APIGatewayEvents: the members that handlers read and set.
namespace Amazon.Lambda.APIGatewayEvents
{
    /// <summary>A request in payload 1.0.</summary>
    public class APIGatewayProxyRequest
    {
        public string Resource { get; set; }
        public string Path { get; set; }
        public string HttpMethod { get; set; }
        public IDictionary<string, string> Headers { get; set; }
        public IDictionary<string, IList<string>> MultiValueHeaders { get; set; }
        public IDictionary<string, string> QueryStringParameters { get; set; }
        public IDictionary<string, IList<string>> MultiValueQueryStringParameters { get; set; }
        public IDictionary<string, string> PathParameters { get; set; }
        public IDictionary<string, string> StageVariables { get; set; }
        public ProxyRequestContext RequestContext { get; set; }
        public string Body { get; set; }
        public bool IsBase64Encoded { get; set; }

        /// <summary>What the gateway knows of the request.</summary>
        public class ProxyRequestContext
        {
            public string AccountId { get; set; }
            public string ApiId { get; set; }
            public string DomainName { get; set; }
            public string HttpMethod { get; set; }
            public string Path { get; set; }
            public string Protocol { get; set; }
            public string RequestId { get; set; }
            public string RequestTime { get; set; }
            public long RequestTimeEpoch { get; set; }
            public string ResourceId { get; set; }
            public string ResourcePath { get; set; }
            public string Stage { get; set; }
            public RequestIdentity Identity { get; set; }
        }

        /// <summary>Who sent the request.</summary>
        public class RequestIdentity
        {
            public string SourceIp { get; set; }
            public string UserAgent { get; set; }
        }
    }

    /// <summary>An answer in payload 1.0.</summary>
    public class APIGatewayProxyResponse
    {
        [JsonPropertyName("statusCode")]
        public int StatusCode { get; set; }
        [JsonPropertyName("headers")]
        public IDictionary<string, string> Headers { get; set; }
        [JsonPropertyName("multiValueHeaders")]
        public IDictionary<string, IList<string>> MultiValueHeaders { get; set; }
        [JsonPropertyName("body")]
        public string Body { get; set; }
        [JsonPropertyName("isBase64Encoded")]
        public bool IsBase64Encoded { get; set; }
    }

    /// <summary>A request in payload 2.0.</summary>
    public class APIGatewayHttpApiV2ProxyRequest
    {
        public string Version { get; set; }
        public string RouteKey { get; set; }
        public string RawPath { get; set; }
        public string RawQueryString { get; set; }
        public string[] Cookies { get; set; }
        public IDictionary<string, string> Headers { get; set; }
        public IDictionary<string, string> QueryStringParameters { get; set; }
        public ProxyRequestContext RequestContext { get; set; }
        public string Body { get; set; }
        public IDictionary<string, string> PathParameters { get; set; }
        public bool IsBase64Encoded { get; set; }
        public IDictionary<string, string> StageVariables { get; set; }

        /// <summary>What the gateway knows of the request.</summary>
        public class ProxyRequestContext
        {
            public string AccountId { get; set; }
            public string ApiId { get; set; }
            public string DomainName { get; set; }
            public string DomainPrefix { get; set; }
            public HttpDescription Http { get; set; }
            public string RequestId { get; set; }
            public string RouteKey { get; set; }
            public string Stage { get; set; }
            public string Time { get; set; }
            public long TimeEpoch { get; set; }
        }

        /// <summary>The request line, and who sent it.</summary>
        public class HttpDescription
        {
            public string Method { get; set; }
            public string Path { get; set; }
            public string Protocol { get; set; }
            public string SourceIp { get; set; }
            public string UserAgent { get; set; }
        }
    }

    /// <summary>An answer in payload 2.0.</summary>
    public class APIGatewayHttpApiV2ProxyResponse
    {
        [JsonPropertyName("statusCode")]
        public int StatusCode { get; set; }
        [JsonPropertyName("headers")]
        public IDictionary<string, string> Headers { get; set; }
        [JsonPropertyName("body")]
        public string Body { get; set; }
        [JsonPropertyName("isBase64Encoded")]
        public bool IsBase64Encoded { get; set; }
        [JsonPropertyName("cookies")]
        public string[] Cookies { get; set; }
    }
}
