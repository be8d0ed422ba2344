# SPDX-License-Identifier: Apache-2.0
# N files FOLDER/1 .. that give VM `web` controls by chance. Reads the machine's configuration.
function any(words, count) { return words[int(rand() * count) + 1] }
BEGIN {
    srand(7)
    events = split("hlt pause rdtsc rdtscp invlpg cr0 cr3 cr4 dr mwait wbinvd", event)
    split("pass count log", policy)
    split("6 14", vector)
    split("allow count log", action)
}
{ line[NR] = $0 }
END {
    for (i = 1; i <= N; i++) {
        text = ""
        for (j = 1; j <= NR; j++) {
            text = text line[j] "\n"
            if (line[j] !~ /^vm web /)
                continue
            for (k = 1; k <= events; k++)
                text = text event[k] " " any(policy, 3) "\n"
            text = text "exception " any(vector, 2) " " any(policy, 3) "\n"
            text = text "port 0x80 " any(action, 3) "\n"
        }
        printf "%s", text >(FOLDER "/" i)
        close(FOLDER "/" i)
    }
}
