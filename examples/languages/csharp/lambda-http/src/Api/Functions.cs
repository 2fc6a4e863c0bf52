// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Amazon.Lambda.APIGatewayEvents;
using Amazon.Lambda.Core;
using Amazon.Lambda.Serialization.SystemTextJson;

[assembly: LambdaSerializer(typeof(DefaultLambdaJsonSerializer))]

namespace Things
{
    public class Functions
    {
        public async Task<APIGatewayHttpApiV2ProxyResponse> Handle(
            APIGatewayHttpApiV2ProxyRequest request, ILambdaContext context)
        {
            await Task.Yield();
            var headers = new Dictionary<string, string> { { "X-Made-By", "csharp" } };
            switch (request.RequestContext.Http.Method)
            {
                case "POST":
                    headers["Content-Type"] = "application/json";
                    return new APIGatewayHttpApiV2ProxyResponse
                    {
                        StatusCode = 201,
                        Headers = headers,
                        Body = request.Body.TrimEnd('}') + ",\"length\":" + request.Body.Length + "}",
                    };
                default:
                    if (request.RawPath == "/fail") throw new InvalidOperationException("asked to fail");
                    headers["Content-Type"] = "text/plain";
                    return new APIGatewayHttpApiV2ProxyResponse
                    {
                        StatusCode = 200,
                        Headers = headers,
                        Body = "GET " + request.RawPath,
                    };
            }
        }
    }
}
