// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;
using Amazon.Lambda.Core;

[assembly: LambdaSerializer(typeof(Amazon.Lambda.Serialization.SystemTextJson.DefaultLambdaJsonSerializer))]

namespace Events
{
    public class Entity { public string Key { get; set; } public long Size { get; set; } }
    public class Bucket { public string Name { get; set; } }
    public class S3 { public Bucket Bucket { get; set; } public Entity Object { get; set; } }
    public class Record
    {
        public string MessageId { get; set; }
        public string Body { get; set; }
        public string EventName { get; set; }
        public S3 S3 { get; set; }
    }
    public class Event
    {
        public List<Record> Records { get; set; }
        public string Source { get; set; }
        public DateTime Time { get; set; }
        public string Type { get; set; }
    }
    public class Failure { public string itemIdentifier { get; set; } }
    public class Answer { public List<Failure> batchItemFailures { get; set; } }

    public class Function
    {
        public Answer FunctionHandler(Event input, ILambdaContext context)
        {
            var answer = new Answer { batchItemFailures = new List<Failure>() };
            if (input.Records == null)
            {
                Console.WriteLine("got {0} {1} {2:s}", input.Source, input.Type, input.Time);
                return answer;
            }
            foreach (var record in input.Records)
            {
                if (record.S3 != null)
                {
                    Console.WriteLine("got {0} {1}/{2} {3}", record.EventName, record.S3.Bucket.Name, record.S3.Object.Key, record.S3.Object.Size);
                    continue;
                }
                Console.WriteLine("got " + record.Body);
                if (record.Body.Contains("bad"))
                {
                    answer.batchItemFailures.Add(new Failure { itemIdentifier = record.MessageId });
                }
            }
            return answer;
        }
    }
}
