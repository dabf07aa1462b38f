# Sourced by ./run where it ends before Python is there: the same notification as launcher/notify.py makes.
# Arguments: what failed, then the words of ./run. LOCKSTEP_WEBHOOK and LOCKSTEP_PAGERDUTY_KEY are never printed, and on no command line.

quoted() {
    local text="${1//\\/\\\\}"
    text="${text//\"/\\\"}"
    text="${text//[<>&]/ }"
    printf '"%s"' "${text//[[:cntrl:]]/ }"
}

# Sets job and target as Job.of in notify.py does.
find_job() {
    local words="$*"
    job="" target="${LOCKSTEP_TARGET:-embedded}"
    while [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; do job="${job:+$job }$1"; shift; done
    job="${job:-$words}${LOCKSTEP_JOB:+ ($LOCKSTEP_JOB)}"
    while [ $# -gt 0 ]; do
        case "$1" in
            --target=*) target="${1#*=}" ;;
            --target) target="${2:-$target}" ;;
        esac
        shift
    done
}

slack_body() {
    local blocks link="${LOCKSTEP_RUN_URL:-}"
    section() { printf '{"type": "section", "text": {"type": "mrkdwn", "text": %s}}' "$1"; }
    blocks="$(section "$(quoted "*$headline*")"), $(section "$(quoted "• $failure")")"
    [ -z "$link" ] || blocks="$blocks, $(section "\"<$link|log>\"")"
    printf '{"text": %s, "blocks": [%s]}' "$(quoted "$headline")" "$blocks"
}

teams_body() {
    local actions="" link="${LOCKSTEP_RUN_URL:-}"
    [ -z "$link" ] || actions=", \"actions\": [{\"type\": \"Action.OpenUrl\", \"title\": \"log\", \"url\": $(quoted "$link")}]"
    printf '{"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "weight": "Bolder", "wrap": true, "text": %s}, {"type": "TextBlock", "wrap": true, "text": %s}]%s}}]}' \
        "$(quoted "$headline")" "$(quoted "- $failure")" "$actions"
}

json_body() {
    printf '{"key": %s, "job": %s, "target": %s, "status": "failed", "code": 2, "headline": %s, "failures": [%s], "seed": "", "link": %s}' \
        "$(quoted "lockstep/$job/$target")" "$(quoted "$job")" "$(quoted "$target")" "$(quoted "$headline")" "$(quoted "$failure")" "$(quoted "${LOCKSTEP_RUN_URL:-}")"
}

pagerduty_body() {
    local links="" link="${LOCKSTEP_RUN_URL:-}"
    [ -z "$link" ] || links="{\"href\": $(quoted "$link"), \"text\": \"log\"}"
    printf '{"routing_key": %s, "event_action": "trigger", "dedup_key": %s, "payload": {"summary": %s, "source": "lockstep", "severity": "error", "component": %s, "custom_details": {"failures": [%s], "seed": ""}}, "links": [%s]}' \
        "$(quoted "${LOCKSTEP_PAGERDUTY_KEY:-}")" "$(quoted "lockstep/$job/$target")" "$(quoted "$headline")" "$(quoted "$job")" "$(quoted "$failure")" "$links"
}

# Posts standard input.
post() {
    if command -v curl >/dev/null; then
        curl --silent --fail --max-time 5 --output /dev/null --user-agent lockstep --header 'Content-Type: application/json' --data-binary @- \
            --config <(printf 'url = "%s"\n' "${LOCKSTEP_WEBHOOK//[\"\\]/}")
    elif command -v python3 >/dev/null; then
        python3 -c 'import os, sys, urllib.request
headers = {"Content-Type": "application/json", "User-Agent": "lockstep"}
urllib.request.urlopen(urllib.request.Request(os.environ["LOCKSTEP_WEBHOOK"], sys.stdin.buffer.read(), headers), timeout=5)'
    else
        return 1
    fi 2>/dev/null
}

notify() {
    local failure="$1" kind="${LOCKSTEP_WEBHOOK_KIND:-}" host body job target headline
    shift
    case "${LOCKSTEP_WEBHOOK:-}" in
        "") return 0 ;;
        http://* | https://*) ;;
        *) echo "Not notified: LOCKSTEP_WEBHOOK is no http(s) URL" >&2; return 0 ;;
    esac
    find_job "$@"
    headline="Lockstep $job on $target: NOT WELL — it could not be set up"
    host="${LOCKSTEP_WEBHOOK#*://}"
    case "$kind:${host%%/*}" in
        pagerduty:* | :*pagerduty*) body="$(pagerduty_body)" ;;
        teams:* | :*webhook.office.com* | :*logic.azure.com* | :*powerplatform.com*) body="$(teams_body)" ;;
        json:*) body="$(json_body)" ;;
        slack:* | :*) body="$(slack_body)" ;;
        *) echo "Not notified: LOCKSTEP_WEBHOOK_KIND is '$kind'; there are slack, teams, pagerduty, json" >&2; return 0 ;;
    esac
    printf '%s' "$body" | post || echo "Not notified: the webhook could not be reached, or refused" >&2
}
