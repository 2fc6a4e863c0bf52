# SPDX-License-Identifier: Apache-2.0

require 'json'

def lambda_handler(event:, context:)
  puts "got #{event.to_json}"
  if event['Records'] && event['Records'][0]['messageId']
    batch_item_failures = []
    sqs_batch_response = {}

    event['Records'].each do |record|
      begin
        raise 'a bad message' if record['body'].include?('bad')
      rescue StandardError => e
        batch_item_failures << { 'itemIdentifier' => record['messageId'] }
      end
    end

    sqs_batch_response['batchItemFailures'] = batch_item_failures
    return sqs_batch_response
  end
end
