// SPDX-License-Identifier: Apache-2.0

using System.Collections.Generic;
using Amazon.Lambda.Core;

[assembly: LambdaSerializer(typeof(Amazon.Lambda.Serialization.SystemTextJson.DefaultLambdaJsonSerializer))]

namespace Greeter
{
    public class Request
    {
        public Dictionary<string, string> QueryStringParameters { get; set; }
    }

    public class Answer
    {
        public string Greeting { get; set; }
        public string Function { get; set; }
    }

    public class Function
    {
        public Answer FunctionHandler(Request input, ILambdaContext context)
        {
            string name = null;
            if (input.QueryStringParameters != null)
            {
                input.QueryStringParameters.TryGetValue("name", out name);
            }
            context.Logger.LogInformation("greeting " + name);
            return new Answer { Greeting = "Hello " + (name ?? "World"), Function = context.FunctionName };
        }
    }
}
