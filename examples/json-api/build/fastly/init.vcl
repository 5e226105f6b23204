# 8 signatures, compiled by edgesig 0.1.0 for Fastly.
# Written by a compiler: change the signatures, not this file.
# Snippet of type init, priority 100. The snippets recv, miss, pass, deliver, error and log beside it call its subs.

ratecounter edgesig_api_address_quota_count { }

penaltybox edgesig_api_address_quota_penalty { }

ratecounter edgesig_api_key_quota_count { }

# @scope: recv
sub edgesig_recv {
	declare local var.open BOOL;
	declare local var.url STRING;
	declare local var.authority STRING;
	declare local var.absolute BOOL;
	declare local var.path_raw STRING;
	declare local var.query_raw STRING;
	declare local var.has_query BOOL;
	declare local var.path STRING;
	declare local var.method STRING;
	declare local var.ids STRING;
	declare local var.action STRING;
	declare local var.by STRING;
	declare local var.status STRING;
	declare local var.host STRING;
	declare local var.has_host BOOL;
	declare local var.element_raw STRING;
	declare local var.element STRING;
	declare local var.count1 INTEGER;
	declare local var.over1 BOOL;
	declare local var.hit1 BOOL;
	declare local var.count2 INTEGER;
	declare local var.over2 BOOL;
	declare local var.number1 INTEGER;
	declare local var.is1 BOOL;
	declare local var.hit2 BOOL;
	declare local var.score INTEGER;
	declare local var.crossed STRING;
	declare local var.key STRING;
	declare local var.over BOOL;
	declare local var.weight INTEGER;
	declare local var.retry_after STRING;
	declare local var.limit STRING;
	declare local var.rest STRING;
	if (fastly.ff.visits_this_service == 0 && req.restarts == 0 && !req.is_esi_subreq) {
		unset req.http.X-Edgesig-Ids;
		unset req.http.X-Edgesig-Action;
		unset req.http.X-Edgesig-By;
		unset req.http.X-Edgesig-Status;
		unset req.http.X-Edgesig-Limit;
		unset req.http.X-Edgesig-Location;
		unset req.http.X-Edgesig-Retry-After;
		unset req.http.X-Edgesig-Tarpit;
		unset req.http.X-Edgesig-Tags;
		unset fastly.error;
		set var.url = "";
		set var.authority = "";
		set var.path_raw = "";
		set var.query_raw = "";
		set var.path = "";
		set var.method = "";
		set var.ids = "";
		set var.action = "";
		set var.by = "";
		set var.status = "";
		set var.host = "";
		set var.element_raw = "";
		set var.element = "";
		set var.crossed = "";
		set var.key = "";
		set var.retry_after = "";
		set var.limit = "";
		set var.rest = "";
		set var.open = true;
		std.collect(req.http.Authorization, ",");
		std.collect(req.http.Content-Type, ",");
		std.collect(req.http.User-Agent, ",");
		std.collect(req.http.X-Api-Key, ",");
		set var.url = req.url;
		if (var.url ~ "(?s)^[A-Za-z][A-Za-z0-9+.\-]*+://([^/]*+)(/.*)\z") {
			set var.absolute = true;
			set var.authority = re.group.1;
			set var.url = re.group.2;
		} elsif (var.url ~ "(?s)^[A-Za-z][A-Za-z0-9+.\-]*+://([^?#]*+)(.*)\z") {
			set var.absolute = true;
			set var.authority = re.group.1;
			set var.url = "/" re.group.2;
		}
		if (var.url ~ "(?s)^([^?]*+)\?(.*)\z") {
			set var.path_raw = re.group.1;
			set var.query_raw = re.group.2;
			set var.has_query = true;
		} else {
			set var.path_raw = var.url;
			set var.query_raw = "";
		}
		set var.path = urldecode(regsuball(regsuball(var.path_raw, "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
		set var.method = req.method;
		if (var.method == "FASTLYPURGE") {
			set var.method = "PURGE";
		}
		if (var.absolute) {
			set var.host = std.tolower(regsub(var.authority, "\.?+(?::[0-9]*+)?+\z", ""));
			set var.has_host = true;
		} elsif (req.http.Host) {
			set var.host = std.tolower(regsub(req.http.Host, "\.?+(?::[0-9]*+)?+\z", ""));
			set var.has_host = true;
		}
		# Argument id
		set var.rest = "&" var.query_raw;
		if (var.rest ~ "(?s)&(?:i|%2569)(?:d|%2564)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element !~ "(?s)^[0-9]{1,15}\z") {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:i|%2569)(?:d|%2564)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element !~ "(?s)^[0-9]{1,15}\z") {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:i|%2569)(?:d|%2564)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element !~ "(?s)^[0-9]{1,15}\z") {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:i|%2569)(?:d|%2564)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element !~ "(?s)^[0-9]{1,15}\z") {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:i|%2569)(?:d|%2564)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.over1 = true;
		}
		# Argument limit
		set var.rest = "&" var.query_raw;
		if (var.rest ~ "(?s)&(?:l|%256[Cc])(?:i|%2569)(?:m|%256[Dd])(?:i|%2569)(?:t|%2574)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count2 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 > 1000) {
				set var.hit2 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:l|%256[Cc])(?:i|%2569)(?:m|%256[Dd])(?:i|%2569)(?:t|%2574)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count2 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 > 1000) {
				set var.hit2 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:l|%256[Cc])(?:i|%2569)(?:m|%256[Dd])(?:i|%2569)(?:t|%2574)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count2 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 > 1000) {
				set var.hit2 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:l|%256[Cc])(?:i|%2569)(?:m|%256[Dd])(?:i|%2569)(?:t|%2574)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count2 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 > 1000) {
				set var.hit2 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:l|%256[Cc])(?:i|%2569)(?:m|%256[Dd])(?:i|%2569)(?:t|%2574)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.over2 = true;
		}
		if (std.strlen(var.url) > 2048) {
			set var.limit = "limit-url";
		} elsif (var.over1 || var.over2) {
			set var.limit = "limit-values";
		}
		if (!var.open) {
			set var.limit = "";
		}
		if (var.open && var.limit != "") {
			set var.open = false;
			set var.action = "block";
			set var.by = var.limit;
			set var.status = "413";
		}
		# api-bearer-required: Request without a well-formed bearer token
		if (var.open
		    && var.path ~ "^/v1/"
		    && !(req.http.Authorization
		        && req.http.Authorization ~ "(?s)^Bearer [A-Za-z0-9._~+/-]{20,2048}=*\z")
		    && !(var.method == "OPTIONS"
		        || var.path == "/v1/status")) {
			set var.ids = var.ids "api-bearer-required,";
			set var.open = false;
			set var.action = "block";
			set var.by = "api-bearer-required";
			set var.status = "401";
		}
		# api-host: Host that is none of the API's
		if (var.open
		    && !(var.has_host
		        && (var.host == "api.example.com" || var.host == "api.example.net"))) {
			set var.ids = var.ids "api-host,";
			set var.open = false;
			set var.action = "block";
			set var.by = "api-host";
			set var.status = "421";
		}
		# api-id-is-a-number: Identifier that is no number
		if (var.open && (var.hit1 || var.hit2 || var.path ~ "(?s)^/v1/items/[^/]{0,200}['\x22;<>]")) {
			set var.ids = var.ids "api-id-is-a-number,";
			set var.score += 6;
			if (var.score >= 10 && var.crossed == "") {
				set var.crossed = "api-id-is-a-number";
			}
		}
		# api-methods: Method that the resource does not have
		if (var.open
		    && ((var.path ~ "^/v1/reports/"
		            && !(var.method == "GET"
		                || var.method == "HEAD"
		                || var.method == "OPTIONS"))
		        || !(var.method == "GET"
		            || var.method == "HEAD"
		            || var.method == "OPTIONS"
		            || var.method == "POST"
		            || var.method == "PATCH"
		            || var.method == "DELETE"))) {
			set var.ids = var.ids "api-methods,";
			set var.open = false;
			set var.action = "block";
			set var.by = "api-methods";
			set var.status = "405";
		}
		# api-json-only: Body that does not say it is JSON
		if (var.open
		    && (var.method == "POST" || var.method == "PATCH")
		    && !(req.http.Content-Type
		        && req.http.Content-Type ~ "(?si)^application/(?:[a-z.+-]{1,40}\+)?json(?:\s*+;.{0,80})?\z")) {
			set var.ids = var.ids "api-json-only,";
			set var.score += 4;
			if (var.score >= 10 && var.crossed == "") {
				set var.crossed = "api-json-only";
			}
		}
		# api-odd-client: Client that is no SDK of ours and no browser
		if (var.open
		    && (!req.http.User-Agent
		        || (req.http.User-Agent
		            && req.http.User-Agent ~ "(?i)^(?:curl/|go-http-client/|python-requests/)"))) {
			set var.ids = var.ids "api-odd-client,";
			set var.score += 4;
			if (var.score >= 10 && var.crossed == "") {
				set var.crossed = "api-odd-client";
			}
		}
		if (var.open && var.crossed != "") {
			set var.open = false;
			set var.action = "block";
			set var.by = "";
			set var.status = "403";
			set var.by = var.crossed;
		}
		if (var.open && fastly.error == "EREGRECUR") {
			set var.limit = "limit-patterns";
			set var.open = false;
			set var.action = "block";
			set var.by = var.limit;
			set var.status = "413";
		}
		# api-address-quota: One address asks too often, with whatever keys
		if (var.open && var.path ~ "^/v1/") {
			set var.key = "";
			if (addr.is_ipv6(client.ip)) {
				set var.key = var.key "6" "." std.itoa(addr.extract_bits(client.ip, 96, 32)) "." std.itoa(addr.extract_bits(client.ip, 72, 24)) "/";
			} else {
				set var.key = var.key "4" "." std.itoa(addr.extract_bits(client.ip, 0, 32)) "/";
			}
			set var.over = false;
			if (ratelimit.penaltybox_has(edgesig_api_address_quota_penalty, var.key)) {
				set var.over = true;
			} else {
				set var.weight = ratelimit.ratecounter_increment(edgesig_api_address_quota_count, var.key, 0);
				if (var.weight > 599) {
					set var.over = true;
					ratelimit.penaltybox_add(edgesig_api_address_quota_penalty, var.key, 120s);
				} else {
					set var.weight = ratelimit.ratecounter_increment(edgesig_api_address_quota_count, var.key, 1);
				}
			}
			if (var.over) {
				set var.ids = var.ids "api-address-quota,";
				set var.retry_after = "120";
				set var.open = false;
				set var.action = "throttle";
				set var.by = "api-address-quota";
				set var.status = "429";
			}
		}
		# api-key-quota: One key from one address asks too often
		if (var.open && var.path ~ "^/v1/" && req.http.X-Api-Key) {
			set var.key = "";
			if (addr.is_ipv6(client.ip)) {
				set var.key = var.key "6" "." std.itoa(addr.extract_bits(client.ip, 96, 32)) "." std.itoa(addr.extract_bits(client.ip, 64, 32)) "/";
			} else {
				set var.key = var.key "4" "." std.itoa(addr.extract_bits(client.ip, 0, 32)) "/";
			}
			if (req.http.X-Api-Key) {
				set var.key = var.key std.itoa(std.strlen(req.http.X-Api-Key)) ":" req.http.X-Api-Key "/";
			} else {
				set var.key = var.key "-/";
			}
			set var.key = digest.hash_sha256(var.key);
			set var.over = false;
			set var.weight = ratelimit.ratecounter_increment(edgesig_api_key_quota_count, var.key, 0);
			if (ratecounter.edgesig_api_key_quota_count.bucket.10s > 59 || var.weight > 299) {
				set var.over = true;
			} else {
				set var.weight = ratelimit.ratecounter_increment(edgesig_api_key_quota_count, var.key, 1);
			}
			if (var.over) {
				set var.ids = var.ids "api-key-quota,";
				set var.retry_after = "60";
				set var.open = false;
				set var.action = "throttle";
				set var.by = "api-key-quota";
				set var.status = "429";
			}
		}
		# What is to be done, at once
		if (var.ids != "") {
			set req.http.X-Edgesig-Ids = regsub(var.ids, ",\z", "");
		}
		if (var.limit != "") {
			set req.http.X-Edgesig-Limit = var.limit;
		}
		if (var.action != "") {
			set req.http.X-Edgesig-Action = var.action;
		}
		if (var.by != "") {
			set req.http.X-Edgesig-By = var.by;
		}
		if (var.status != "") {
			set req.http.X-Edgesig-Status = var.status;
		}
		if (var.retry_after != "") {
			set req.http.X-Edgesig-Retry-After = var.retry_after;
		}
		if (var.status != "") {
			error 640 var.by;
		}
	}
}

# @scope: miss,pass
sub edgesig_clean {
	unset bereq.http.X-Edgesig-Ids;
	unset bereq.http.X-Edgesig-Action;
	unset bereq.http.X-Edgesig-By;
	unset bereq.http.X-Edgesig-Status;
	unset bereq.http.X-Edgesig-Limit;
	unset bereq.http.X-Edgesig-Location;
	unset bereq.http.X-Edgesig-Retry-After;
	unset bereq.http.X-Edgesig-Tarpit;
}

# @scope: error
sub edgesig_error {
	if (obj.status == 640 && req.http.X-Edgesig-Status) {
		set obj.status = std.atoi(req.http.X-Edgesig-Status);
		set obj.response = "Blocked";
		if (obj.status == 401) {
			set obj.response = "Unauthorized";
		}
		if (obj.status == 403) {
			set obj.response = "Forbidden";
		}
		if (obj.status == 405) {
			set obj.response = "Method Not Allowed";
		}
		if (obj.status == 413) {
			set obj.response = "Content Too Large";
		}
		if (obj.status == 429) {
			set obj.response = "Too Many Requests";
		}
		set obj.http.Cache-Control = "private, no-store";
		if (req.http.X-Edgesig-Retry-After) {
			set obj.http.Retry-After = req.http.X-Edgesig-Retry-After;
		}
		set obj.http.Content-Type = "application/json";
		synthetic "{%22error%22:%22" json.escape(obj.response) "%22,%22status%22:" std.itoa(obj.status) ",%22id%22:%22" req.xid "%22}%0A";
		return (deliver);
	}
}

# @scope: log
sub edgesig_log {
	if (fastly.ff.visits_this_service == 0
	    && !req.is_esi_subreq
	    && (req.http.X-Edgesig-Ids || req.http.X-Edgesig-Limit || req.http.X-Edgesig-Action)) {
		log "syslog " req.service_id " edgesig :: {%22edgesig%22:1" ",%22action%22:%22" json.escape(if(req.http.X-Edgesig-Action, req.http.X-Edgesig-Action, "")) "%22" ",%22by%22:%22" json.escape(if(req.http.X-Edgesig-By, req.http.X-Edgesig-By, "")) "%22" ",%22limit%22:%22" json.escape(if(req.http.X-Edgesig-Limit, req.http.X-Edgesig-Limit, "")) "%22" ",%22ids%22:%22" json.escape(substr(if(req.http.X-Edgesig-Ids, req.http.X-Edgesig-Ids, ""), 0, 2048)) "%22" ",%22status%22:" std.itoa(resp.status) ",%22client%22:%22" client.ip "%22" ",%22method%22:%22" json.escape(substr(req.method, 0, 32)) "%22" ",%22host%22:%22" json.escape(substr(if(req.http.Host, req.http.Host, ""), 0, 256)) "%22" ",%22url%22:%22" json.escape(substr(req.url, 0, 1536)) "%22" ",%22user_agent%22:%22" json.escape(substr(if(req.http.User-Agent, req.http.User-Agent, ""), 0, 256)) "%22" ",%22pop%22:%22" server.datacenter "%22" ",%22id%22:%22" req.xid "%22" "}";
	}
}
