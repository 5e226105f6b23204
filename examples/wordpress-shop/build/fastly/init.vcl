# 6 signatures, compiled by edgesig 0.1.0 for Fastly.
# Written by a compiler: change the signatures, not this file.
# Snippet of type init, priority 100. The snippets recv, miss, pass, deliver, error and log beside it call its subs.

# List office
acl edgesig_office {
	"192.0.2.128"/25;
	"2001:db8:10::"/48;
}

ratecounter edgesig_shop_login_guessing_count { }

penaltybox edgesig_shop_login_guessing_penalty { }

# @scope: recv
sub edgesig_recv {
	declare local var.open BOOL;
	declare local var.ids STRING;
	declare local var.skip4 BOOL;
	declare local var.skip5 BOOL;
	declare local var.url STRING;
	declare local var.authority STRING;
	declare local var.absolute BOOL;
	declare local var.path_raw STRING;
	declare local var.query_raw STRING;
	declare local var.has_query BOOL;
	declare local var.path STRING;
	declare local var.text1 STRING;
	declare local var.text2 STRING;
	declare local var.climbs1 BOOL;
	declare local var.action STRING;
	declare local var.by STRING;
	declare local var.status STRING;
	declare local var.method STRING;
	declare local var.text3 STRING;
	declare local var.climbs2 BOOL;
	declare local var.key STRING;
	declare local var.over BOOL;
	declare local var.weight INTEGER;
	declare local var.retry_after STRING;
	declare local var.element_raw STRING;
	declare local var.element STRING;
	declare local var.count1 INTEGER;
	declare local var.over2 BOOL;
	declare local var.number1 INTEGER;
	declare local var.is1 BOOL;
	declare local var.hit1 BOOL;
	declare local var.location STRING;
	declare local var.host STRING;
	declare local var.has_host BOOL;
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
		unset req.http.X-Edgesig-Rate-2;
		unset req.http.X-Edgesig-Tags;
		unset fastly.error;
		set var.ids = "";
		set var.url = "";
		set var.authority = "";
		set var.path_raw = "";
		set var.query_raw = "";
		set var.path = "";
		set var.text1 = "";
		set var.text2 = "";
		set var.action = "";
		set var.by = "";
		set var.status = "";
		set var.method = "";
		set var.text3 = "";
		set var.key = "";
		set var.retry_after = "";
		set var.element_raw = "";
		set var.element = "";
		set var.location = "";
		set var.host = "";
		set var.limit = "";
		set var.rest = "";
		set var.open = true;
		set var.host = "";
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
		set var.text1 = std.tolower(var.path);
		if (var.text1 ~ "(?s)^(?:(?:/(?!\.\.(?:/|\z))[^/]*+)*+/\.\.(?=/|\z)){9}") {
			set var.climbs1 = true;
		}
		set var.text2 = var.text1;
		if (var.text2 ~ "^/" && var.text2 ~ "//|/\.") {
			set var.text2 = regsub(var.text2, "/\.\.\z", "/../");
			set var.text2 = regsub(var.text2, "/\.\z", "/");
			set var.text2 = regsuball(var.text2, "(?:/\.?+)+(?=/)", "");
			if (var.text2 ~ "/\.\./") {
				set var.text2 = regsub(var.text2, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text2 = regsub(var.text2, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text2 = regsub(var.text2, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text2 = regsub(var.text2, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text2 = regsub(var.text2, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text2 = regsub(var.text2, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text2 = regsub(var.text2, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text2 = regsub(var.text2, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
			}
		}
		set var.method = req.method;
		if (var.method == "FASTLYPURGE") {
			set var.method = "PURGE";
		}
		if (var.path ~ "(?s)^(?:(?:/(?!\.\.(?:/|\z))[^/]*+)*+/\.\.(?=/|\z)){9}") {
			set var.climbs2 = true;
		}
		set var.text3 = var.path;
		if (var.text3 ~ "^/" && var.text3 ~ "//|/\.") {
			set var.text3 = regsub(var.text3, "/\.\.\z", "/../");
			set var.text3 = regsub(var.text3, "/\.\z", "/");
			set var.text3 = regsuball(var.text3, "(?:/\.?+)+(?=/)", "");
			if (var.text3 ~ "/\.\./") {
				set var.text3 = regsub(var.text3, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text3 = regsub(var.text3, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text3 = regsub(var.text3, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text3 = regsub(var.text3, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text3 = regsub(var.text3, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text3 = regsub(var.text3, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text3 = regsub(var.text3, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
				set var.text3 = regsub(var.text3, "^(?:/\.\.)++/|/(?!\.\./)[^/]++/\.\./", "/");
			}
		}
		if (var.absolute) {
			set var.host = std.tolower(regsub(var.authority, "\.?+(?::[0-9]*+)?+\z", ""));
			set var.has_host = true;
		} elsif (req.http.Host) {
			set var.host = std.tolower(regsub(req.http.Host, "\.?+(?::[0-9]*+)?+\z", ""));
			set var.has_host = true;
		}
		# Argument author
		set var.rest = "&" var.query_raw;
		if (var.rest ~ "(?s)&(?:a|%2561)(?:u|%2575)(?:t|%2574)(?:h|%2568)(?:o|%256[Ff])(?:r|%2572)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 >= 1) {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:a|%2561)(?:u|%2575)(?:t|%2574)(?:h|%2568)(?:o|%256[Ff])(?:r|%2572)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 >= 1) {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:a|%2561)(?:u|%2575)(?:t|%2574)(?:h|%2568)(?:o|%256[Ff])(?:r|%2572)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 >= 1) {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:a|%2561)(?:u|%2575)(?:t|%2574)(?:h|%2568)(?:o|%256[Ff])(?:r|%2572)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 >= 1) {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:a|%2561)(?:u|%2575)(?:t|%2574)(?:h|%2568)(?:o|%256[Ff])(?:r|%2572)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 >= 1) {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:a|%2561)(?:u|%2575)(?:t|%2574)(?:h|%2568)(?:o|%256[Ff])(?:r|%2572)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 >= 1) {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:a|%2561)(?:u|%2575)(?:t|%2574)(?:h|%2568)(?:o|%256[Ff])(?:r|%2572)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 >= 1) {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:a|%2561)(?:u|%2575)(?:t|%2574)(?:h|%2568)(?:o|%256[Ff])(?:r|%2572)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.element_raw = re.group.1;
			set var.rest = re.group.2;
			set var.element = urldecode(regsuball(regsuball(regsuball(var.element_raw, "\+", " "), "%25(?:(?=00)|(?![0-9A-Fa-f]{2}))", "%2525"), "\+", "%252B"));
			set var.count1 += 1;
			if (var.element ~ "^[0-9]{1,15}\z") {
				set var.is1 = true;
				set var.number1 = std.atoi(var.element);
			} else {
				set var.is1 = false;
				set var.number1 = 0;
			}
			if (var.is1 && var.number1 >= 1) {
				set var.hit1 = true;
			}
		} else {
			set var.rest = "";
		}
		if (var.rest ~ "(?s)&(?:a|%2561)(?:u|%2575)(?:t|%2574)(?:h|%2568)(?:o|%256[Ff])(?:r|%2572)(?=[=&]|\z)=?+([^&]*+)(.*)\z") {
			set var.over2 = true;
		}
		if (std.strlen(var.url) > 4096 || var.climbs1 || var.climbs2) {
			set var.limit = "limit-url";
		} elsif (var.over2) {
			set var.limit = "limit-values";
		}
		if (!var.open) {
			set var.limit = "";
		}
		if (var.open && var.limit != "") {
			set var.open = false;
			set var.action = "block";
			set var.by = var.limit;
			set var.status = "414";
		}
		# allow-office-probes: The agency's scan before the relaunch
		if (var.open && client.ip ~ edgesig_office) {
			set var.ids = var.ids "allow-office-probes,";
			set var.skip4 = true;
			set var.skip5 = true;
		}
		# shop-admin-office-only: The back office is for the office
		if (var.open
		    && var.text2 ~ "^/wp-admin/"
		    && !(var.text2 == "/wp-admin/admin-ajax.php"
		        || var.text2 == "/wp-admin/admin-post.php")
		    && client.ip !~ edgesig_office) {
			set var.ids = var.ids "shop-admin-office-only,";
			set var.open = false;
			set var.action = "block";
			set var.by = "shop-admin-office-only";
			set var.status = "404";
		}
		# shop-xmlrpc-closed: XML-RPC is not used here
		if (var.open && var.text2 ~ "/xmlrpc\.php\z") {
			set var.ids = var.ids "shop-xmlrpc-closed,";
			set var.open = false;
			set var.action = "block";
			set var.by = "shop-xmlrpc-closed";
			set var.status = "403";
		}
		# shop-author-enumeration: User names read off by author number
		if (var.open && !var.skip4 && var.path == "/" && var.hit1 && client.ip !~ edgesig_office) {
			set var.ids = var.ids "shop-author-enumeration,";
			set var.location = "https://" var.host "/";
			set var.open = false;
			set var.action = "redirect";
			set var.by = "shop-author-enumeration";
			set var.status = "302";
		}
		# shop-probe-paths: Path that only scanners ask for
		if (var.open
		    && !var.skip5
		    && var.text3 ~ "(?i)^(?:/\.env|/\.git/config|/phpmyadmin/index\.php|/server-status|/vendor/phpunit/phpunit/src/util/php/eval-stdin\.php|/wp-config\.php\.bak|/wp-content/debug\.log)\z") {
			set var.ids = var.ids "shop-probe-paths,";
			set var.open = false;
			set var.action = "block";
			set var.by = "shop-probe-paths";
			set var.status = "404";
		}
		if (var.open && fastly.error == "EREGRECUR") {
			set var.limit = "limit-patterns";
			set var.open = false;
			set var.action = "block";
			set var.by = var.limit;
			set var.status = "414";
		}
		# shop-login-guessing: Passwords guessed at wp-login.php
		if (var.open
		    && var.method == "POST"
		    && var.text3 ~ "/wp-login\.php\z"
		    && client.ip !~ edgesig_office) {
			set var.key = "";
			if (addr.is_ipv6(client.ip)) {
				set var.key = var.key "6" "." std.itoa(addr.extract_bits(client.ip, 96, 32)) "." std.itoa(addr.extract_bits(client.ip, 64, 32)) "/";
			} else {
				set var.key = var.key "4" "." std.itoa(addr.extract_bits(client.ip, 0, 32)) "/";
			}
			set var.over = false;
			if (ratelimit.penaltybox_has(edgesig_shop_login_guessing_penalty, var.key)) {
				set var.over = true;
			} else {
				set var.weight = ratelimit.ratecounter_increment(edgesig_shop_login_guessing_count, var.key, 0);
				if (var.weight >= 5) {
					set var.over = true;
					ratelimit.penaltybox_add(edgesig_shop_login_guessing_penalty, var.key, 600s);
				}
			}
			if (var.over) {
				set var.ids = var.ids "shop-login-guessing,";
				set var.retry_after = "600";
				set var.open = false;
				set var.action = "throttle";
				set var.by = "shop-login-guessing";
				set var.status = "429";
			} else {
				set req.http.X-Edgesig-Rate-2 = var.key;
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
		if (var.location != "") {
			set req.http.X-Edgesig-Location = var.location;
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
	unset bereq.http.X-Edgesig-Rate-2;
}

# @scope: deliver
sub edgesig_deliver {
	declare local var.weight INTEGER;
	if (fastly.ff.visits_this_service == 0 && !req.is_esi_subreq) {
		if (req.http.X-Edgesig-Rate-2 && !req.http.X-Edgesig-Status && resp.status == 200) {
			set var.weight = ratelimit.ratecounter_increment(edgesig_shop_login_guessing_count, req.http.X-Edgesig-Rate-2, 1);
			unset req.http.X-Edgesig-Rate-2;
		}
	}
}

# @scope: error
sub edgesig_error {
	if (obj.status == 640 && req.http.X-Edgesig-Status) {
		set obj.status = std.atoi(req.http.X-Edgesig-Status);
		set obj.response = "Blocked";
		if (obj.status == 302) {
			set obj.response = "Found";
		}
		if (obj.status == 403) {
			set obj.response = "Forbidden";
		}
		if (obj.status == 404) {
			set obj.response = "Not Found";
		}
		if (obj.status == 414) {
			set obj.response = "URI Too Long";
		}
		if (obj.status == 429) {
			set obj.response = "Too Many Requests";
		}
		set obj.http.Cache-Control = "private, no-store";
		if (req.http.X-Edgesig-Retry-After) {
			set obj.http.Retry-After = req.http.X-Edgesig-Retry-After;
		}
		if (req.http.X-Edgesig-Action == "redirect") {
			set obj.http.Location = req.http.X-Edgesig-Location;
			synthetic "";
			return (deliver);
		}
		set obj.http.Content-Type = "text/html; charset=utf-8";
		synthetic "<!doctype html>%0A<html lang=%22en%22>%0A<head><title>" std.itoa(obj.status) " " obj.response "</title></head>%0A<body>%0A<h1>" std.itoa(obj.status) " " obj.response "</h1>%0A<p>Request " req.xid "</p>%0A</body>%0A</html>%0A";
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
