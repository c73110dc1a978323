# Completion of greenprint(1) for fish.

function __greenprint_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

complete -c greenprint -f
complete -c greenprint -n __fish_use_subcommand -s V -l version -d 'Show versions'
complete -c greenprint -s h -l help -d 'Show help'
complete -c greenprint -n __fish_use_subcommand -a keygen -d 'Make a key file'
complete -c greenprint -n __fish_use_subcommand -a inspect -d 'Show what a file says'
complete -c greenprint -n __fish_use_subcommand -a verify -d 'Look for the mark of a key'
complete -c greenprint -n __fish_use_subcommand -a prove -d 'Show everybody what verify finds'
complete -c greenprint -n __fish_use_subcommand -a check -d 'Verify a text by a proof'
complete -c greenprint -n __fish_use_subcommand -a precompute -d 'Make a provable key fast'
complete -c greenprint -n __fish_use_subcommand -a merge -d 'Put partial results together'
complete -c greenprint -n __fish_use_subcommand -a contexts -d 'Collect contexts that were served'
complete -c greenprint -n __fish_use_subcommand -a audit -d 'Look for a mark in a model'
complete -c greenprint -n __fish_use_subcommand -a trace -d 'Tell whose text a model learned from'
complete -c greenprint -n __fish_use_subcommand -a commit -d 'Commit to all keys'
complete -c greenprint -n __fish_use_subcommand -a timestamp -d 'Show when a file was there'
complete -c greenprint -n __fish_use_subcommand -a sign -d 'Sign a file, or check its signature'
complete -c greenprint -n __fish_use_subcommand -a plan -d 'Say how many tokens are needed'
complete -c greenprint -n __fish_use_subcommand -a serve -d 'Answer auditors without seeing texts'
complete -c greenprint -n __fish_use_subcommand -a version -d 'Show versions'

set -l keygen '__greenprint_command keygen'
complete -c greenprint -n $keygen -s o -l output -r -F -d 'Key file to write'
complete -c greenprint -n $keygen -l profile -x -a 'provenance distill' -d 'What the mark is for'
complete -c greenprint -n $keygen -l gamma -x -a '1/2 1/4 1/8' -d 'Share of green tokens'
complete -c greenprint -n $keygen -l context-width -x -d 'Tokens that choose a green list'
complete -c greenprint -n $keygen -l seeding -x -a 'hash min fixed' -d 'How they choose it'
complete -c greenprint -n $keygen -l provable -d 'A key whose owner can prove what it finds'
complete -c greenprint -n $keygen -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $keygen -l cost -x -a 'interactive moderate sensitive' \
    -d 'What a guess at the passphrase costs'
complete -c greenprint -n $keygen -l unsealed -d 'No passphrase'

set -l inspect '__greenprint_command inspect'
complete -c greenprint -n $inspect -F
complete -c greenprint -n $inspect -l json -d 'Write one JSON object'

set -l verify '__greenprint_command verify'
complete -c greenprint -n $verify -F
complete -c greenprint -n $verify -s k -l key -r -F -d 'A key to try'
complete -c greenprint -n $verify -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $verify -l tenant -x -d 'Look for the mark of this tenant'
complete -c greenprint -n $verify -l tenants -r -F -d 'Look for the marks of all these tenants'
complete -c greenprint -n $verify -l table -r -F -d 'Take nonces from this table'
complete -c greenprint -n $verify -l committed -r -F -d 'A proof that the key was committed to'
complete -c greenprint -n $verify -l server -x -d 'A greenprint serve that has the key'
complete -c greenprint -n $verify -l pub -r -F -d 'The public file of its key'
complete -c greenprint -n $verify -l token-file -r -F -d 'What the server knows you by'
complete -c greenprint -n $verify -l ca -r -F -d 'Certificates to trust'
complete -c greenprint -n $verify -l alpha -x -d 'Find the mark when p is at most this'
complete -c greenprint -n $verify -s t -l tokenizer -r -F -d 'Turn text into ids'
complete -c greenprint -n $verify -l normalize -d 'Take harmless changes out of text'
complete -c greenprint -n $verify -l format -x -a 'text tokens jsonl npy u16 u32' \
    -d 'Format of the files'
complete -c greenprint -n $verify -l field -x -d 'Where in the object the text or ids are'
complete -c greenprint -n $verify -l role -x -a 'assistant user system' \
    -d 'Score the messages of this role in a chat'
complete -c greenprint -n $verify -s r -l recursive -d 'Read all files in folders'
complete -c greenprint -n $verify -l skip-bad -d 'Leave out lines that cannot be read'
complete -c greenprint -n $verify -l per-document -d 'Also count every document alone'
complete -c greenprint -n $verify -l locate -d 'Find marked segments'
complete -c greenprint -n $verify -l weights -r -F -d 'Weigh by what a reference model expected'
complete -c greenprint -n $verify -l json -d 'Write the report as JSON'
complete -c greenprint -n $verify -l json-lines -d 'Write an object for each document'
complete -c greenprint -n $verify -l html -r -F -d 'Write a page as well'
complete -c greenprint -n $verify -l partial -r -F -d 'Write what merge needs as well'
complete -c greenprint -n $verify -s q -l quiet -d 'The verdict alone'
complete -c greenprint -n $verify -s j -l jobs -x -d 'Threads'
complete -c greenprint -n $verify -l max-memory -x -d 'Go to disk beyond'

set -l prove '__greenprint_command prove'
complete -c greenprint -n $prove -F
complete -c greenprint -n $prove -s k -l key -r -F -d 'The key'
complete -c greenprint -n $prove -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $prove -l tenant -x -d 'Of this tenant'
complete -c greenprint -n $prove -s o -l output -r -F -d 'Proof to write'
complete -c greenprint -n $prove -l sample -x -d 'Prove so many contexts'
complete -c greenprint -n $prove -s t -l tokenizer -r -F -d 'Turn text into ids'
complete -c greenprint -n $prove -l normalize -d 'Take harmless changes out of text'
complete -c greenprint -n $prove -l format -x -a 'text tokens jsonl npy u16 u32' \
    -d 'Format of the files'
complete -c greenprint -n $prove -l field -x -d 'Where in the object the text or ids are'
complete -c greenprint -n $prove -l role -x -a 'assistant user system' \
    -d 'Take the messages of this role in a chat'
complete -c greenprint -n $prove -s r -l recursive -d 'Read all files in folders'
complete -c greenprint -n $prove -l skip-bad -d 'Leave out lines that cannot be read'
complete -c greenprint -n $prove -s q -l quiet -d 'No progress, no summary'
complete -c greenprint -n $prove -s j -l jobs -x -d 'Threads'

set -l check '__greenprint_command check'
complete -c greenprint -n $check -F
complete -c greenprint -n $check -l pub -r -F -d 'Public file of the key'
complete -c greenprint -n $check -l committed -r -F -d 'A proof that the key was committed to'
complete -c greenprint -n $check -l alpha -x -d 'Find the mark when p is at most this'
complete -c greenprint -n $check -s t -l tokenizer -r -F -d 'Turn text into ids'
complete -c greenprint -n $check -l normalize -d 'Take harmless changes out of text'
complete -c greenprint -n $check -l format -x -a 'text tokens jsonl npy u16 u32' \
    -d 'Format of the files'
complete -c greenprint -n $check -l field -x -d 'Where in the object the text or ids are'
complete -c greenprint -n $check -l role -x -a 'assistant user system' \
    -d 'Take the messages of this role in a chat'
complete -c greenprint -n $check -s r -l recursive -d 'Read all files in folders'
complete -c greenprint -n $check -l skip-bad -d 'Leave out lines that cannot be read'
complete -c greenprint -n $check -l per-document -d 'Also count every document alone'
complete -c greenprint -n $check -l locate -d 'Find marked segments'
complete -c greenprint -n $check -l json -d 'Write the report as JSON'
complete -c greenprint -n $check -l json-lines -d 'Write an object for each document'
complete -c greenprint -n $check -l html -r -F -d 'Write a page as well'
complete -c greenprint -n $check -s q -l quiet -d 'The verdict alone'
complete -c greenprint -n $check -s j -l jobs -x -d 'Threads'
complete -c greenprint -n $check -l max-memory -x -d 'Go to disk beyond'

set -l precompute '__greenprint_command precompute'
complete -c greenprint -n $precompute -s k -l key -r -F -d 'The key'
complete -c greenprint -n $precompute -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $precompute -l tenant -x -d 'Of this tenant'
complete -c greenprint -n $precompute -s o -l output -r -F -d 'Table to write'
complete -c greenprint -n $precompute -l vocabulary -x -d 'Token ids below this'
complete -c greenprint -n $precompute -s q -l quiet -d 'No progress, no summary'
complete -c greenprint -n $precompute -s j -l jobs -x -d 'Threads'

set -l merge '__greenprint_command merge'
complete -c greenprint -n $merge -F
complete -c greenprint -n $merge -l alpha -x -d 'Find the mark when p is at most this'
complete -c greenprint -n $merge -l per-document -d 'List the documents'
complete -c greenprint -n $merge -l json -d 'Write the report as JSON'
complete -c greenprint -n $merge -l json-lines -d 'Write an object for each document'
complete -c greenprint -n $merge -l partial -r -F -d 'Write what a further merge needs as well'
complete -c greenprint -n $merge -s q -l quiet -d 'The verdict alone'
complete -c greenprint -n $merge -s j -l jobs -x -d 'Threads'
complete -c greenprint -n $merge -l max-memory -x -d 'Go to disk beyond'

set -l contexts '__greenprint_command contexts'
complete -c greenprint -n "$contexts; and test (count (commandline -opc)) -eq 2" \
    -a 'build merge info'
complete -c greenprint -n "$contexts; and test (count (commandline -opc)) -gt 2" -F
complete -c greenprint -n $contexts -s o -l output -r -F -d 'Contexts file to write'
complete -c greenprint -n $contexts -l json -d 'Say what is in it as JSON'
complete -c greenprint -n $contexts -s q -l quiet -d 'Say nothing'
complete -c greenprint -n $contexts -s k -l key -r -F -d 'Contexts of the width of this key'
complete -c greenprint -n $contexts -l context-width -x -d 'Contexts of so many tokens'
complete -c greenprint -n $contexts -s t -l tokenizer -r -F -d 'Turn text into ids'
complete -c greenprint -n $contexts -l normalize -d 'Take harmless changes out of text'
complete -c greenprint -n $contexts -l format -x -a 'text tokens jsonl npy u16 u32' \
    -d 'Format of the files'
complete -c greenprint -n $contexts -l field -x -d 'Where in the object the text or ids are'
complete -c greenprint -n $contexts -l role -x -a 'assistant user system' \
    -d 'Take the messages of this role in a chat'
complete -c greenprint -n $contexts -s r -l recursive -d 'Read all files in folders'
complete -c greenprint -n $contexts -l skip-bad -d 'Leave out lines that cannot be read'

set -l audit '__greenprint_command audit'
complete -c greenprint -n $audit -F
complete -c greenprint -n $audit -s k -l key -r -F -d 'The key'
complete -c greenprint -n $audit -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $audit -l tenant -x -d 'Look for the mark of this tenant'
complete -c greenprint -n $audit -l table -r -F -d 'Take nonces from this table'
complete -c greenprint -n $audit -l alpha -x -d 'Find the mark when p is at most this'
complete -c greenprint -n $audit -l open -d 'The files are model weights'
complete -c greenprint -n $audit -l reference -r -F -d 'What a reference model expected'
complete -c greenprint -n $audit -l served -r -F -d 'Only contexts that were served decide'
complete -c greenprint -n $audit -l controls -x -d 'Number of control keys'
complete -c greenprint -n $audit -s t -l tokenizer -r -F -d 'Turn text into ids'
complete -c greenprint -n $audit -l normalize -d 'Take harmless changes out of text'
complete -c greenprint -n $audit -l format -x -a 'text tokens jsonl npy u16 u32' \
    -d 'Format of the files'
complete -c greenprint -n $audit -l field -x -d 'Where in the object the answer is'
complete -c greenprint -n $audit -l role -x -a 'assistant user system' \
    -d 'Take the messages of this role in a chat'
complete -c greenprint -n $audit -l prompts -x -d 'Where in the object the prompt is'
complete -c greenprint -n $audit -l json -d 'Write the report as JSON'
complete -c greenprint -n $audit -l html -r -F -d 'Write a page as well'
complete -c greenprint -n $audit -s q -l quiet -d 'The verdict alone'
complete -c greenprint -n $audit -s j -l jobs -x -d 'Threads'

set -l trace '__greenprint_command trace'
complete -c greenprint -n $trace -F
complete -c greenprint -n $trace -s k -l key -r -F -d 'The key'
complete -c greenprint -n $trace -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $trace -l tenants -r -F -d 'These tenants'
complete -c greenprint -n $trace -l table -r -F -d 'Take nonces from this table'
complete -c greenprint -n $trace -l alpha -x -d 'Find a tenant when p is at most this'
complete -c greenprint -n $trace -l served-by -r -F -d 'Of each tenant only what it was served'
complete -c greenprint -n $trace -s t -l tokenizer -r -F -d 'Turn text into ids'
complete -c greenprint -n $trace -l normalize -d 'Take harmless changes out of text'
complete -c greenprint -n $trace -l format -x -a 'text tokens jsonl npy u16 u32' \
    -d 'Format of the files'
complete -c greenprint -n $trace -l field -x -d 'Where in the object the answer is'
complete -c greenprint -n $trace -l role -x -a 'assistant user system' \
    -d 'Take the messages of this role in a chat'
complete -c greenprint -n $trace -l prompts -x -d 'Where in the object the prompt is'
complete -c greenprint -n $trace -l json -d 'Write the report as JSON'
complete -c greenprint -n $trace -l html -r -F -d 'Write a page as well'
complete -c greenprint -n $trace -s q -l quiet -d 'The verdict alone'
complete -c greenprint -n $trace -s j -l jobs -x -d 'Threads'

set -l commit '__greenprint_command commit'
complete -c greenprint -n "$commit; and test (count (commandline -opc)) -eq 2" \
    -a 'prove check show'
complete -c greenprint -n $commit -F
complete -c greenprint -n $commit -s o -l output -r -F -d 'Set or proof to write'
complete -c greenprint -n $commit -l root -x -d 'The root that was published'
complete -c greenprint -n $commit -l json -d 'Say what is in it as JSON'
complete -c greenprint -n $commit -s q -l quiet -d 'Say nothing'

set -l timestamp '__greenprint_command timestamp'
complete -c greenprint -n "$timestamp; and test (count (commandline -opc)) -eq 2" \
    -a 'request attach verify'
complete -c greenprint -n "$timestamp; and test (count (commandline -opc)) -gt 2" -F
complete -c greenprint -n $timestamp -s o -l output -r -F -d 'Request or stamp to write'
complete -c greenprint -n $timestamp -l sha512 -d 'Ask for a stamp over SHA-512'
complete -c greenprint -n $timestamp -l request -r -F -d 'The request that was answered'
complete -c greenprint -n $timestamp -l ca -r -F -d 'Certificates that are trusted'
complete -c greenprint -n $timestamp -l untrusted -r -F -d 'Certificates in between'
complete -c greenprint -n $timestamp -l crl -r -F -d 'Revocation lists'
complete -c greenprint -n $timestamp -l policy -x -d 'Policy that the stamp has to be of'
complete -c greenprint -n $timestamp -l at-stamp-time -d 'Judge as of the time stamped'
complete -c greenprint -n $timestamp -l json -d 'Say it as JSON'
complete -c greenprint -n $timestamp -s q -l quiet -d 'Say nothing'

set -l sign '__greenprint_command sign'
complete -c greenprint -n "$sign; and test (count (commandline -opc)) -eq 2" -a verify
complete -c greenprint -n $sign -F
complete -c greenprint -n $sign -s s -l secret -r -F -d 'Secret key'
complete -c greenprint -n $sign -s o -l output -r -F -d 'Signature to write'
complete -c greenprint -n $sign -l comment -x -d 'What is signed with the file'
complete -c greenprint -n $sign -l pub -r -F -d 'Public key'
complete -c greenprint -n $sign -l signature -r -F -d 'Signature to check'
complete -c greenprint -n $sign -l new -r -F -d 'Make a key pair'
complete -c greenprint -n $sign -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $sign -l cost -x -a 'interactive moderate sensitive' \
    -d 'What a guess at the passphrase costs'
complete -c greenprint -n $sign -s W -l unsealed -d 'No passphrase'
complete -c greenprint -n $sign -s q -l quiet -d 'Say nothing'

set -l plan '__greenprint_command plan'
complete -c greenprint -n $plan -F
complete -c greenprint -n $plan -l gamma -x -a '1/2 1/4 1/8' -d 'Share of green tokens'
complete -c greenprint -n $plan -l delta -x -d 'Bias, divided by the temperature'
complete -c greenprint -n $plan -l entropy -x -d 'Mean entropy of the next token in bits'
complete -c greenprint -n $plan -l rate -x -d 'Share of green tokens in marked text'
complete -c greenprint -n $plan -l distinct -x -d 'Share of tokens whose pair is new'
complete -c greenprint -n $plan -l alpha -x -d 'One threshold'
complete -c greenprint -n $plan -l power -x -d 'One probability of finding the mark'
complete -c greenprint -n $plan -s k -l key -r -F -d 'The key that marked the files'
complete -c greenprint -n $plan -l tenant -x -d 'And its tenant'
complete -c greenprint -n $plan -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $plan -l json -d 'Write the table as JSON'

set -l serve '__greenprint_command serve'
complete -c greenprint -n $serve -a new-token -d 'Make a token'
complete -c greenprint -n $serve -s k -l key -r -F -d 'The key, a provable one'
complete -c greenprint -n $serve -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $serve -l listen -x -d 'Address and port to listen on'
complete -c greenprint -n $serve -l tokens -r -F -d 'Who may ask'
complete -c greenprint -n $serve -l state -r -F -d 'What tokens have spent'
complete -c greenprint -n $serve -l tls-cert -r -F -d 'Certificates, PEM'
complete -c greenprint -n $serve -l tls-key -r -F -d 'The private key of the certificate, PEM'
complete -c greenprint -n $serve -l plain-http -d 'No TLS, though others are listened to'
complete -c greenprint -n $serve -l max-elements -x -d 'Elements in one request'
complete -c greenprint -n $serve -l timeout -x -d 'Seconds for a request to arrive'
complete -c greenprint -n $serve -s j -l threads -x -d 'Threads that evaluate'
complete -c greenprint -n $serve -l log -r -F -d 'Where to log'
