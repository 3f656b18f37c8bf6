# What a run came to, without what differs from one to the next: ids, times, tokens.
(map(select(.type == "run_start")) | first) as $start
| last.result as $result
| {
    hash: $start.hash,
    turns: map(select(.type == "turn_end") | [.message.text, .stop]),
    calls: map(select(.type == "call_start") | [.call.name, .call.arguments]),
    results: map(select(.type == "call_end") | [.name, .content, .error]),
    answer: $result.answer,
    outcome: $result.outcome
  }
