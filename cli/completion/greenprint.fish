# Completion of greenprint(1) for fish.

function __greenprint_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

complete -c greenprint -f
complete -c greenprint -n __fish_use_subcommand -s V -l version -d 'Show versions'
complete -c greenprint -s h -l help -d 'Show help'
complete -c greenprint -n __fish_use_subcommand -a keygen -d 'Make a key file'
complete -c greenprint -n __fish_use_subcommand -a inspect -d 'Show what a key file says'
complete -c greenprint -n __fish_use_subcommand -a verify -d 'Look for the mark of a key'
complete -c greenprint -n __fish_use_subcommand -a version -d 'Show versions'

set -l keygen '__greenprint_command keygen'
complete -c greenprint -n $keygen -s o -l output -r -F -d 'Key file to write'
complete -c greenprint -n $keygen -l gamma -x -a '1/2 1/4 1/8' -d 'Share of green tokens'
complete -c greenprint -n $keygen -l context-width -x -d 'Tokens that choose a green list'
complete -c greenprint -n $keygen -l seeding -x -a 'hash min fixed' -d 'How they choose it'
complete -c greenprint -n $keygen -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $keygen -l cost -x -a 'interactive moderate sensitive' \
    -d 'What a guess at the passphrase costs'
complete -c greenprint -n $keygen -l unsealed -d 'No passphrase'

set -l inspect '__greenprint_command inspect'
complete -c greenprint -n $inspect -F
complete -c greenprint -n $inspect -l json -d 'Write one JSON object'

set -l verify '__greenprint_command verify'
complete -c greenprint -n $verify -F
complete -c greenprint -n $verify -s k -l key -r -F -d 'The key'
complete -c greenprint -n $verify -l passphrase-file -r -F -d 'Take the passphrase from a file'
complete -c greenprint -n $verify -l alpha -x -d 'Find the mark when p is at most this'
complete -c greenprint -n $verify -l tenant -x -d 'Look for the mark of this tenant'
complete -c greenprint -n $verify -l format -x -a 'tokens jsonl' -d 'Format of the files'
complete -c greenprint -n $verify -l field -x -d 'Field of JSON Lines that holds the ids'
complete -c greenprint -n $verify -l per-document -d 'Also count every document alone'
complete -c greenprint -n $verify -l json -d 'Write the report as JSON'
