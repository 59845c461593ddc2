## Failures. Each has what happened, .why, and .fix: what to do.

failure-why = 原因:
failure-fix = 対処:

error-usage-unknown = オプション { $argument } はありません。
    .why = このコマンドにそのようなオプションはありません。
    .fix = `{ $help }` を参照してください。
error-usage-unknown-near = オプション { $argument } はありません。
    .why = このコマンドにそのようなオプションはありません。似たものに { $near } があります。
    .fix = { $near } と書くか、`{ $help }` を参照してください。
error-usage-command = コマンド { $command } はありません。
    .why = kumi にそのようなコマンドはありません。
    .fix = `{ $help }` を参照してください。
error-usage-command-near = コマンド { $command } はありません。
    .why = kumi にそのようなコマンドはありません。似たものに { $near } があります。
    .fix = { $near } と書くか、`{ $help }` を参照してください。
error-usage-missing = 足りないものがあります: { $argument }
    .why = このコマンドにはそれが必要です。
    .fix = 追加してください。例は `{ $help }` にあります。
error-usage-no-command = コマンドがありません。
    .why = kumi だけでは何も行いません。
    .fix = `{ $help }` を参照してください。まずは `kumi demo` をお試しください。
error-usage-twice = { $argument } が2回指定されているか、同時に使えないものと一緒に指定されています。
    .why = 有効にできるのは1つだけです。
    .fix = どちらかを取り除いてください。例は `{ $help }` にあります。
error-usage-no-value = { $argument } には値が必要です。
    .why = 後ろに何もありません。
    .fix = 後ろに値を書いてください。例は `{ $help }` にあります。
error-usage-other = コマンドラインの { $argument } { $value } が正しくありません。
    .why = このコマンドに合いません。
    .fix = `{ $help }` を参照してください。
error-usage-value = { $option } を "{ $value }" にすることはできません。
    .why = { $expected }を指定する必要があります。
    .fix = そのように書くか、省略してください。

expected-offloads = on または off
expected-language = en または ja
expected-expires = 30m、24h、7d のような 1m～30d の時間
expected-address = 192.0.2.7 や 2001:db8::7 のようなアドレス
expected-port = tcp/22 や udp/6000-6100 のようなポート
expected-ports = 64個までのポート
expected-prefix = none、または 192.168.20.0/24 や fd00:20::/64 のようなプレフィックス
expected-prefixes = 64個までのプレフィックス
expected-label = 制御文字を含まない1～63バイトの名前
expected-count = 1～1000000 の数
expected-interval = 0.1～3600 の秒数
expected-wait = 1～300 の秒数
expected-size = 1～1024 の MiB 数
expected-who = fc00::/8 のアドレス、または16進数64桁のルート鍵
expected-proxy = 127.0.0.1:1080 のようなアドレスとポート
expected-listen = 127.0.0.1:2222 のようなこのマシンのアドレスとポート、または inside:22
expected-target = 127.0.0.1:22 や [fc12::1]:22 のようなアドレスとポート、または server:22 のようなピアの名前とポート
expected-shell = bash、zsh、fish、elvish、powershell のいずれか

error-config-unreadable = { $file } を読めません。
    .why = { $detail }
    .fix = --config で正しいファイルを指定するか、ファイルを取り除いてください。設定はすべて省略できます。
error-config-syntax = { $file }:{ $line }:{ $column }: TOML として正しくありません。
    .why = { $detail }
    .fix = その行を直すか、行頭に # を付けてください。
error-config-key = { $file }:{ $line }:{ $column }: キー "{ $key }" はありません。
    .why = 理解できないキーを見逃すと、効かない設定に気付けなくなります。
    .fix = 取り除いてください。使えるのは { $known } です。
error-config-key-near = { $file }:{ $line }:{ $column }: キー "{ $key }" はありません。
    .why = 理解できないキーを見逃すと、効かない設定に気付けなくなります。
    .fix = "{ $near }" ではありませんか。使えるのは { $known } です。
error-config-type = { $file }:{ $line }:{ $column }: "{ $key }" の値の型が違います。
    .why = 型が { $found } になっています。
    .fix = { $example } のように書いてください。
error-config-choice = { $file }:{ $line }:{ $column }: "{ $key }" を "{ $value }" にすることはできません。
    .why = 決まった値だけが使えます。
    .fix = { $known } のいずれかを書いてください。
error-config-listen = { $file }:{ $line }:{ $column }: "listen" を "{ $value }" にすることはできません。
    .why = このマシンの全アドレスとポートを表す形になっていません。
    .fix = "[::]:4649" のように書いてください。選べるのはポートです。
error-config-label = { $file }:{ $line }:{ $column }: "label" が不適切です。
    .why = { $len } バイトあるか、制御文字を含んでいます。
    .fix = "laptop" のような1～{ $max }バイトの文字列を書いてください。
error-config-proxy = { $file }:{ $line }:{ $column }: "{ $key }" を "{ $value }" にすることはできません。
    .why = アドレスとポートではありません。
    .fix = "127.0.0.1:1080" のように書いてください。ポートは自由に選べます。
error-config-proxy-open = { $file }:{ $line }:{ $column }: "{ $key }" を "{ $value }" にすることはできません。
    .why = 他のマシンから届くかもしれないアドレスです。プロキシはパスワードを求めないので、誰でもピアに届いてしまいます。
    .fix = "127.0.0.1:{ $port }" と書いてください。他のマシンにも使わせるなら、[proxy] の表に open = true を加えてください。
error-config-tun-name = { $file }:{ $line }:{ $column }: "tun.name" を "{ $value }" にすることはできません。
    .why = Linux のインターフェース名として使えません。
    .fix = "kumi0" のように、英数字、"_"、"."、"-" を1～15文字で書いてください。
error-config-mtu = { $file }:{ $line }:{ $column }: "tun.mtu" を { $value } にすることはできません。
    .why = IPv6 には1280以上が必要で、パケットは最大65535バイトです。
    .fix = 1280～65535 の数を書くか、その行を取り除いてください。
error-config-queues = { $file }:{ $line }:{ $column }: "tun.queues" を { $value } にすることはできません。
    .why = キューごとにスレッドが1つ動き、1～{ $max } 本まで持てます。
    .fix = 1～{ $max } の数を書くか、その行を取り除いてください(プロセッサ数の半分になります)。
error-config-list = { $file }:{ $line }:{ $column }: "{ $key }" が長すぎます。
    .why = { $len } 個ありますが、書けるのは { $max } 個までです。
    .fix = 減らしてください。隣り合うプレフィックスは、より短い1つにまとめられます。
error-config-address = { $file }:{ $line }:{ $column }: "ip.addresses" に "{ $value }" は書けません。
    .why = マシンに付けられる IPv4 アドレスとプレフィックス長の組ではありません。
    .fix = "10.77.0.1/24" のように IPv4 アドレスと長さを書いてください。
error-config-prefix = { $file }:{ $line }:{ $column }: "ip.announce" に "{ $value }" は書けません。
    .why = アドレスとプレフィックス長の組ではありません。
    .fix = "192.168.10.0/24" や "fd00:10::/64" のように書いてください。
error-config-prefix-bits = { $file }:{ $line }:{ $column }: "ip.announce" に "{ $value }" は書けません。
    .why = アドレスがプレフィックスより長く続いています。
    .fix = "{ $meant }" と書いてください。
error-config-prefix-refused = { $file }:{ $line }:{ $column }: "ip.announce" に "{ $value }" は書けません。
    .why = 全体、fc00::/8、200::/7、ループバック、リンクローカル、マルチキャストのアドレスと、その一部は誰も広告できません。
    .fix = "192.168.10.0/24" のように、このノードの先にあるネットワークのプレフィックスを書いてください。

error-not-running = ノードが起動していません。
    .why = { $path } で待ち受けているものがありません。
    .fix = `kumi up` で起動してください。
error-socket-denied = このノードを操作する権限がありません。
    .why = { $path } は別のユーザーのものです。
    .fix = ノードを起動したアカウントを使うか、--state DIR で自分のノードを指定してください。
error-socket = ノードに接続できません。
    .why = { $detail }
    .fix = `kumi check` を実行してください。応答しない場合は `kumi down` と `kumi up` で再起動できます。
error-hung-up = ノードが応答の途中で接続を切りました。
    .why = { $detail }
    .fix = `kumi status` で起動しているか確認してください。ログは { $log } です。
error-version-mismatch = kumi と起動中のノードのバージョンが違います。
    .why = { $detail }
    .fix = ノードを再起動してください: `kumi down`、続いて `kumi up`
error-no-home = このノードのファイルを置く場所がありません。
    .why = XDG_STATE_HOME も HOME も設定されていません。
    .fix = --state DIR で場所を指定してください。

error-file-missing = { $file } がありません。
    .why = 必要なファイルが見つかりません。
    .fix = 控えから戻すか、`kumi id restore FILE` で全体を復元してください。
error-file-exists = { $file } は既にあります。
    .why = このままでは上書きしてしまいます。
    .fix = 別の名前にするか、そのファイルを移動してください。
error-file-too-open = { $file } を他のユーザーが使えます(モード { $mode })。
    .why = 鍵と状態は所有者だけのものでなければなりません。
    .fix = 次のように直してください: chmod go= { $file }
error-file-owner = { $file } は別のユーザー(uid { $owner })のものです。
    .why = 鍵と状態は所有者だけのものでなければなりません。
    .fix = そのアカウントを使うか、--state DIR で自分の場所を指定してください。
error-file-type = { $file } の種類が違います。
    .why = 通常のファイルではないか、必要なディレクトリではありません。
    .fix = 移動するか、--state DIR で別の場所を指定してください。
error-file-long = { $file } が長すぎます。
    .why = そこに置かれるものは最大 { $max } バイトです。
    .fix = 内容を確かめ、正しいファイルを控えから戻してください。
error-file-io = { $file } を読み書きできません。
    .why = { $detail }
    .fix = ディスクと、ディレクトリの権限を確認してください。

error-no-identity = このノードにはまだアイデンティティがありません。
    .why = { $file } がありません。
    .fix = `kumi up` が自動で作成します。`kumi id restore FILE` で復元もできます。
error-identity-exists = このノードには既にアイデンティティがあります。
    .why = { $file } があり、上書きすることはありません。
    .fix = そのまま使うか、--state DIR で別のノードを作ってください。
error-identity-damaged = { $file } が壊れています。
    .why = { $detail }
    .fix = 変更はしていません。控えから戻すか、移動してから `kumi id restore FILE` を使ってください。
error-identity-mixed = { $file } は別のアイデンティティのものです。
    .why = そのアドレスは { $found } ですが、このノードは { $expected } です。
    .fix = 変更はしていません。このファイルを移動し、正しいファイルを置いてください。
error-key-truncated = { $file } が途中で切れているか、壊れています。
    .why = チェックサムが合いません。
    .fix = 変更はしていません。控えから戻すか、移動してから `kumi id restore FILE` を使ってください。
error-key-foreign-version = { $file } は別のバージョンが書いたものです。
    .why = 形式 { $version } ですが、このプログラムが読めるのは形式 { $known } です。
    .fix = 変更はしていません。それを書いたバージョン、またはより新しい kumi を使ってください。
error-key-not-a-key = { $file } は Kumihimo の鍵ファイルではありません。
    .why = 鍵ファイルの先頭の印がありません。
    .fix = 変更はしていません。このファイルを移動し、正しいファイルを置いてください。
error-key-kind = { $file } には別の種類の鍵が入っています。
    .why = { $expected } の鍵が必要ですが、{ $found } の鍵です。
    .fix = 変更はしていません。正しいファイルを置いてください。2つのファイルが入れ替わっているのかもしれません。
error-key-passphrase = このパスフレーズでは { $file } を開けません。
    .why = 封印したときのパスフレーズと違います。
    .fix = もう一度試してください。思い出せない場合は、別のパスフレーズの控えだけが頼りです。
error-key-bounds = { $file } が求めるメモリーまたは時間が大きすぎます。
    .why = { $detail }
    .fix = 変更はしていません。壊れているか改ざんされています。控えから戻してください。
error-key-mismatch = { $file } はこのノードのアイデンティティに合いません。
    .why = { $detail }
    .fix = 変更はしていません。{ $address } のファイルを置いてください。
error-next-missing = ルート鍵を更新できません。
    .why = 次のルート鍵 { $file } がありません。本来そうあるべきように、オフラインで保管しているのかもしれません。
    .fix = その場所に戻すか、`kumi id restore FILE` で復元してください。終わったらまた取り除いてください。
error-log-full = ルート鍵をこれ以上更新できません。
    .why = 既に { $max } 回更新しており、記録の上限に達しています。
    .fix = 新しいアイデンティティを作ってください。状態ディレクトリを移動してから `kumi up` を実行します。
error-backup-old = この控えは最後のルート鍵の更新より前のものです。
    .why = 控えのルート鍵の位置は { $found }、このノードは { $expected } です。
    .fix = 更新後に取った控えを使ってください。
error-backup-other = この控えは別のアイデンティティのものです。
    .why = 控えは { $found } ですが、このノードは { $expected } です。
    .fix = --state DIR で別の場所に復元してください。
error-crypto = アイデンティティを作成できませんでした。
    .why = { $detail }
    .fix = `kumi bugreport` で報告してください。

error-passphrase-needed = パスフレーズが必要ですが、尋ねることができません。
    .why = 標準入力が端末ではありません。
    .fix = --passphrase-file FILE、または環境変数 KUMI_PASSPHRASE_FILE でファイルを指定してください。
error-passphrase-differs = 2つのパスフレーズが一致しません。
    .why = 異なる内容が入力されました。
    .fix = もう一度試してください。
error-passphrase-empty = パスフレーズが空です。
    .why = 空のパスフレーズでは何も守れません。
    .fix = 8文字以上のものを使ってください。複数の単語を並べるのが最善です。
error-passphrase-short = パスフレーズが短すぎます。
    .why = { $len } 文字しかありません。8文字以上が必要です。
    .fix = もっと長いものを使ってください。複数の単語を並べるのが最善です。
error-passphrase-file = パスフレーズファイル { $file } を使えません。
    .why = { $detail }
    .fix = 他のユーザーが読めない自分のファイルで、1行目にパスフレーズが書かれている必要があります。
error-password-file = パスワードファイル { $file } を使えません。
    .why = { $detail }
    .fix = 他のユーザーが読めない自分のファイルで、1行目にパスワードが書かれている必要があります: chmod 600 { $file }
error-password-length = { $file } のパスワードの長さが合いません。
    .why = { $len } バイトです。
    .fix = 1行目に { $min }～{ $max } バイトで書いてください。複数の単語を並べるのが最善です。
error-terminal = 端末を使えません。
    .why = { $detail }
    .fix = --passphrase-file FILE でパスフレーズを指定してください。

error-start = ノードを起動できませんでした。
    .why = { $detail }
    .fix = ログ { $log } に詳細があるかもしれません。`kumi check` でよくある原因を調べられます。
error-start-silent = ノードが起動の途中で終了しました。
    .why = 理由は示されませんでした。
    .fix = ログに詳細があります: { $log }
error-already-runs = ここでは既にノードが動いていますが、応答がありません。
    .why = プロセス { $pid } が { $file } を使用中です。
    .fix = 少し待ってください。変わらない場合はそのプロセスを終了してください。
error-port-taken = UDP ポート { $listen } は使用中です。
    .why = 別のプログラムが使っており、kumi.toml はこのポートを指定しています。
    .fix = kumi.toml の `listen` を変えるか、取り除いてください。取り除けば空いているポートを使います。
error-proxy-open = { $option } を "{ $value }" にすることはできません。
    .why = 他のマシンから届くかもしれないアドレスです。プロキシはパスワードを求めないので、誰でもピアに届いてしまいます。
    .fix = 127.0.0.1:{ $port } と書いてください。他のマシンにも使わせるなら、kumi.toml の [proxy] の表に open = true を書いてください。
error-proxy-running = ノードはすでに起動していますが、この { $option } は付いていません。
    .why = プロキシは起動時に決まります。起動時の指定: { $found }
    .fix = `kumi down` の後、同じコマンドをもう一度実行してください。
error-tun = ネットワークインターフェースを作れませんでした。
    .why = { $detail }
    .fix = kumi.toml で tun.mode = "rootless" とし、`kumi run` を使ってください。詳細は `kumi check` で分かります。
error-stop-slow = ノードが { $seconds } 秒以内に停止しませんでした。
    .why = プロセス { $pid } が残っています。
    .fix = ログ { $log } を確認し、必要ならプロセスを終了してください。

error-peer-unknown = "{ $who }" というピアはいません。
    .why = fc00::/8 のアドレスでも、許可リストにある名前でもありません。
    .fix = `kumi list` を参照してください。ピアは `kumi allow ADDR` か招待で許可できます。
error-peer-unknown-near = "{ $who }" というピアはいません。
    .why = 許可リストにその名前はありません。似たものに "{ $near }" があります。
    .fix = { $near } と書くか、`kumi list` を参照してください。
error-peer-ambiguous = "{ $who }" に当てはまるピアが複数います。
    .why = { $count } 台のピアが同じ名前です。
    .fix = アドレスを使ってください。`kumi list` で確認できます。
error-ping-nobody = 応答を求める相手がいません。
    .why = 許可したピアがまだありません。
    .fix = `kumi join 招待行` で招待行を使うか、`kumi invite` で招待行を作ってください。
error-ping-which = どのピアに応答を求めますか。
    .why = ピアが { $count } 台あります。
    .fix = `kumi ping ピア` のように、アドレスか名前を指定してください。`kumi peers` で確認できます。
error-ping-lost = { $peer } から応答がありません。
    .why = { $sent } 回応答を求めましたが、時間内に応答がありませんでした。
    .fix = 最後の居場所は `kumi peers` で分かります。相手が起動し、このノードを許可している必要があります。
error-run-missing = { $program } を実行できませんでした。
    .why = { $detail }
    .fix = プログラム名と PATH を確認してください。
error-run-namespace = ノードの名前空間に入れませんでした。
    .why = { $detail }
    .fix = ノードを起動したアカウントを使ってください。詳細は `kumi check` で分かります。
error-run-none = ここにはプログラム用のプライベートネットワークがありません。
    .why = ノードはネットワークインターフェースなしで動いています(tun.mode = "none"、または作成に失敗)。
    .fix = 足りないものは `kumi check` で分かります。その後 `kumi down` と `kumi up` を実行してください。
error-report-write = 報告を { $file } に書けません。
    .why = { $detail }
    .fix = 別の場所か、画面なら - を指定してください。
error-check-failed = { $failed } 件の検査で異常が見つかりました。
    .why = 上の「異常」と記された行を見てください。
    .fix = それぞれの下に書かれた対処を行い、もう一度 `kumi check` を実行してください。

api-bad-request = ノードが要求を受け付けませんでした。
    .why = { $detail }
    .fix = コマンドラインを確認してください。
api-version = kumi と起動中のノードのバージョンが違います。
    .why = ノードの制御インターフェースは版 { $node }、このプログラムは版 { $client } です。
    .fix = ノードを再起動してください: `kumi down`、続いて `kumi up`
api-internal = ノードの内部で失敗しました。
    .why = { $detail }
    .fix = `kumi bugreport` で報告してください。ノードの再起動で直ることもあります。
api-stopping = ノードは停止するところです。
    .why = 停止の指示を受けました。
    .fix = `kumi up` で再び起動してください。
api-unknown-peer = { $peer } は許可されたピアではありません。
    .why = このノードの許可リストにありません。
    .fix = `kumi allow { $peer }` で許可するか、`kumi invite` で招待を作ってください。
api-no-path = { $peer } への経路がありません。
    .why = このマシンにもこのネットワークにも、居場所の手がかりがありません。
    .fix = 相手側で新しい招待を作ってもらうか、両方を同じネットワークに置いてください。
api-not-an-invite = 招待行ではありません。
    .why = 招待行は "kumi1:" で始まります。
    .fix = もう1台で `kumi up`、`kumi invite`、`kumi group` が表示した行を、すべてコピーしてください。
api-invite-damaged = 招待行が壊れています。
    .why = チェックサムが合いません。途中で切れたか、文字が変わっています。
    .fix = 改行を入れずに、全体をコピーし直してください。
api-invite-newer = この招待行はより新しい kumi が作ったものです。
    .why = 版 { $version } です。
    .fix = このマシンの kumi を更新してください。
api-invite-expired = 招待行の期限が切れています。
    .why = { $expired } まで有効でした。
    .fix = もう1台で作り直してください: `kumi invite`
api-invite-own = この招待行はこのノード自身が作ったものです。
    .why = 自分自身には接続できません。
    .fix = もう1台のマシンで使ってください。
api-invite-identity = 招待行の内容が正しくありません。
    .why = { $detail }
    .fix = もう1台で `kumi invite` により作り直してください。両方の時計も確認してください。
api-join-timeout = { $peer } が { $waited_s } 秒以内に応答しませんでした。
    .why = 停止しているか、届かない({ $tried })か、招待が使用済みです。ノードは知らない相手には応答しません。
    .fix = 相手が起動し、ここからいずれかのアドレスに届くことを確認するか、相手側で新しい招待を作ってください。
api-invites-full = これ以上招待を作れません。
    .why = 有効な招待が上限の { $max } 件あります。
    .fix = 使われるか期限が切れるまで待ってください。
api-allowlist-full = これ以上ピアを許可できません。
    .why = 許可リストが上限の { $max } 件に達しています。
    .fix = 不要なピアを外してください: `kumi deny 名前`
api-too-many-prefixes = このピアからはこれ以上プレフィックスを受け入れられません。
    .why = 許可リストの1件が受け入れるのは { $max } 個までです。
    .fix = --accept none からやり直し、より広いプレフィックスを指定してください。
api-prefix-refused = { $prefix } は誰からも受け入れられません。
    .why = 全体、fc00::/8、200::/7、ループバック、リンクローカル、マルチキャストのアドレスと、その一部は誰も広告できません。
    .fix = 192.168.20.0/24 のように、ピアの先にあるネットワークのプレフィックスを指定してください。
api-own-address = これはこのノード自身のアドレスです。
    .why = 自分自身を許可する必要はありません。
    .fix = もう1台のアドレスを指定してください。そちらの `kumi status` で分かります。
api-not-listed = { $who } は許可リストにありません。
    .why = 許可されたことがないか、既に外されています。
    .fix = `kumi list` を参照してください。
api-identity-unreadable = ノードがアイデンティティを読めません。
    .why = { $detail }
    .fix = 何が悪いかは `kumi check` で分かります。
api-identity-other = ディスク上のアイデンティティが、動いているものと違います。
    .why = アドレスが異なります。
    .fix = ノードを再起動してください: `kumi down`、続いて `kumi up`
api-no-inside = プログラムを実行する名前空間がありません。
    .why = ノードはプログラム用のプライベートネットワークなしで動いています(モード { $mode })。
    .fix = 足りないものは `kumi check` で分かります。その後 `kumi down` と `kumi up` を実行してください。
api-forwards-full = これ以上ポートを転送できません。
    .why = 転送が { $max } 件あり、これがノードの上限です。
    .fix = 要らなくなったものを取り除いてください: `kumi forward --remove LISTEN`
api-forward-listen = { $listen } からは転送できません。
    .why = { $detail }
    .fix = 別のアドレスかポートを選ぶか、使用中のプログラムを終了してください。このマシンの 1024 未満のポートは root だけが使えます。
api-not-forwarded = { $listen } からの転送はありません。
    .why = そのような転送は登録されていません。
    .fix = `kumi forward` で一覧を確認できます。
api-bridge-line = これはピアの招待行ではなく、Bridge の行です。
    .why = ノードを Bridge につなぐための行で、これで誰かとつながることはありません。
    .fix = `kumi bridge use 行` で Bridge を使ってください。
api-not-a-bridge = これは Bridge の行ではなく、ピアの招待行です。
    .why = `kumi up`、`kumi invite`、`kumi bridge up` の表示する行は見た目が似ています。
    .fix = `kumi join 行` で使うか、`kumi bridge up` が表示した行をコピーしてください。
api-bridge-password = この Bridge にはパスワードが必要です。
    .why = 行に秘密が入っていません。
    .fix = 自分だけが読めるファイルの1行目にパスワードを書き、`kumi bridge use` には --password-file FILE、`kumi up` には --bridge-password-file FILE で渡してください。
api-bridge-timeout = Bridge { $bridge } が { $waited_s } 秒以内に応答しませんでした。
    .why = 停止しているか、途中でそのポートへの UDP も TCP も通らないか、行が使用済みです。Bridge は知らない相手には応答しません。
    .fix = 呼び出しは続きます。応答があれば `kumi status` に出ます。Bridge 側では、`kumi status` で起動を確かめ、そのポートが UDP と TCP の両方で開いていることを確認してください。行が使用済みなら、Bridge で `kumi bridge invite` により作り直してください。
api-bridge-refused = Bridge { $bridge } がこのノードを受け入れません。
    .why = { $refusal ->
        [not-admitted] 許可の一覧にこのノードがなく、行の秘密は使用済みか期限切れです。
        [password] パスワードがないか、違います。
        [try-later] パスワードの試行が多すぎました。
        [full] これ以上クライアントを受け入れる余裕がありません。
       *[other] このバージョンの知らない理由です: { $refusal }
    }
    .fix = { $refusal ->
        [not-admitted] Bridge で新しい行を作ってもらうか(`kumi bridge invite`)、ここの `kumi status` に出るアドレスを Bridge で許可してもらってください: `kumi bridge allow ADDR`
        [password] パスワードファイルの1行目を直して、もう一度試してください。パスワードは Bridge の所有者に確認してください。
        [try-later] 1分待ってから、もう一度試してください。
        [full] 所有者に空きを作ってもらうか(`kumi bridge deny`)、別の Bridge を使ってください。
       *[other] このマシンの kumi を更新するか、Bridge の所有者に確認してください。
    }
api-bridges-full = これ以上 Bridge を使えません。
    .why = 既に { $max } 台使っていて、これがノードの上限です。
    .fix = `kumi status` で確認し、不要なものを `kumi bridge forget ADDR` で取り除いてください。
api-unknown-bridge = このノードは Bridge { $bridge } を使っていません。
    .why = 使っている Bridge の中に、このアドレスのものはありません。
    .fix = `kumi status` で確認してください。
api-not-serving = このノードは Bridge ではありません。
    .why = クライアントを持ち、その行を作れるのは Bridge だけです。
    .fix = Bridge にしてください: `kumi bridge up`
api-bridge-full = この Bridge はこれ以上覚えられません。
    .why = 有効な行、またはパスワードを持つ顧客が、上限の { $max } に達しています。
    .fix = 行が使われるか期限が切れるまで待つか、`kumi bridge allow ADDR` で許可するか、1つの顧客のパスワードを複数のノードで使ってください。
api-unknown-name = "{ $who }" というピアもメンバーもいません。
    .why = 許可リストにも、接続中の管理サーバにも、その名前はありません。
    .fix = `kumi list` と `kumi group list` を参照してください。
api-not-managing = このノードはグループを管理していません。
    .why = グループを管理するのは、それを作ったノードだけです。
    .fix = そのノードで実行するか、ここでグループを作ってください: `kumi group create NAME`。
api-group-refused = { $refusal ->
        [name] 「{ $name }」という名前は使えません。
        [group-exists] グループ「{ $group }」はすでにあります。
        [no-group] グループ「{ $group }」はありません。
        [no-member] メンバー「{ $member }」はいません。
        [in-group] { $member } はすでに { $group } に入っています。
        [not-in-group] { $member } は { $group } に入っていません。
        [zone] タイムゾーン「{ $zone }」はありません。
        [no-invite] サーバはこの行を知りません。
        [invite-expired] この行は期限が切れています。
        [has-node] { $member } にはすでに別の機器があります。
        [is-member] この機器はすでにメンバー { $member } です。
        [prefix] { $prefix } はメンバーの背後に置けません。
        [full] サーバはこれ以上受け付けません。
        [admin-exists] 管理者「{ $admin }」はすでにいます。
        [no-admin] 管理者「{ $admin }」はいません。
        [no-user] 利用者「{ $user }」はいません。
        [user-exists] 利用者「{ $user }」はすでにいます。
        [user-name] 利用者に「{ $user }」という名前は使えません。
        [period] サインインをその長さにはできません。
        [role] あなたの役割ではできません。
        [terms] この制限には意味がありません。
        [rules] この規則、または役割は使えません。
        [rule-test] { $group } に置かれたテストに反します。
        [lock] この管理者の鍵では施錠できません。
        [not-asked] この署名を待つものはありません。
        [signature] 正しくない署名です。
        [not-locked] この行は、その施錠グループのためのものではありません。
        [not-admitted] { $group } の管理者は、この行でのこの機器の加入を許していません。
        [name-taken] メンバー { $member } はすでにいます。
        [for-servers] この行は管理サーバのためのもので、メンバーのためのものではありません。
        [not-for-servers] この行はメンバーのためのもので、管理サーバのためのものではありません。
        [not-managed] このサーバは { $group } を管理していません。
        [shared-locked] { $group } は施錠されているので、サーバは1つです。
        [shared-sign-in] { $group } は、サインインを求めることと複数のサーバを持つことを両立できません。
        [no-root] このサーバは { $group } を管理するサーバを決められません。
        [no-server] { $server } に { $group } のサーバはありません。
        [server-named] { $server } のサーバはすでにこのグループにいます。
        [own-server] サーバは自分自身を { $group } から外せません。
        [name-elsewhere] { $group } のもう1台のサーバに、すでにメンバー { $member } がいます。
        [several-called] { $member } という名前のメンバーが複数います。
        [no-groups] 相手のサーバはグループについて何も伝えませんでした。
       *[other] 管理サーバが断りました。
    }
    .why = { $refusal ->
        [name] 名前は 1～63 バイトで、空白・ドット・制御文字は使えません。
        [group-exists] 1台のサーバのグループは、それぞれ別の名前を持ちます。
        [no-group] つづりが違うのかもしれません。
        [no-member] つづりが違うか、すでに外されたのかもしれません。
        [in-group] 何も変わっていません。
        [not-in-group] 何も変わっていません。
        [zone] タイムゾーンは /usr/share/zoneinfo にあるように、地名で呼びます。
        [no-invite] 別の機器が使ったか、取り消されたか、そのメンバーのために新しい行が作られました。
        [invite-expired] 行の有効期間は、作った人が決めたとおりです。
        [has-node] メンバー1人の機器は1台です。
        [is-member] 1台の機器は、1台のサーバで1人のメンバーです。
        [prefix] オーバーレイ、1本のリンク、またはすべての人のアドレスを含んでいます。
        [full] すでに { $most } あります。
        [admin-exists] 管理者は、それぞれ別の名前を持ちます。
        [no-admin] つづりが違うか、すでに外されたのかもしれません。
        [no-user] つづりが違うか、すでになくなったのかもしれません。
        [user-exists] 利用者は、それぞれ別の名前を持ちます。
        [user-name] 名前は 1～63 バイトで、空白と制御文字は使えません。
        [period] 有効な時間は 1 分から 30 日です。
        [role] 役割 { $role } が必要です。
        [terms] 行は 1 秒から 30 日、鍵は 10 年まで有効です。
        [rules] { $detail }
        [rule-test] テストによれば、{ $from } は { $to } の { $service } を{ $open ->
            [yes] 使えます
           *[no] 使えません
        }。
        [lock] 施錠には、異なる鍵が 1～16 個と、そのうち署名が必要な数が要ります。
        [not-asked] すでに有効か、その後で改めて求められました。
        [signature] { $group } の管理者の鍵が、求められた内容のために作ったものではありません。
        [not-locked] グループ { $group } は、この行が作られた対象ではありません。
        [not-admitted] 行に署名した管理者が足りないか、機器が許された範囲にありません(名前、背後にあるもの、時刻)。
        [name-taken] 施錠グループでは名前も署名されるので、サーバは別の名前を付けません。
        [for-servers] この行を使うとグループを管理するようになり、メンバーにはなりません。
        [not-for-servers] `kumi group add` と `kumi group invite` の行はメンバーを作ります。
        [not-managed] グループのルート鍵は別のサーバを指しています。
        [shared-locked] 2台目は、管理者の署名をすべて知る必要があります。
        [shared-sign-in] どのサーバも、自分の利用者のサインインしか知りません。
        [no-root] ルート鍵を持つのは、グループを作ったサーバだけです。
        [no-server] すでに外されたのかもしれません。
        [server-named] そのサーバまたはその鍵が、以前に別の場所で登録されています。
        [own-server] ほかのサーバがグループを続けなければなりません。
        [name-elsewhere] 1つの名前は、グループの1人のメンバーを指します。
        [several-called] 互いに連絡できなかったサーバが、同じ名前を2回与えました。
        [no-groups] 途中で接続が切れたか、処理が多すぎました。
       *[other] 理由: { $refusal }。
    }
    .fix = { $refusal ->
        [no-user] `kumi gms user list` で利用者を確かめてください。
        [user-exists] 別の名前にするか、パスワードを新しくしてください: `kumi gms user password NAME`。
        [user-name] 別の名前にしてください。
        [period] 12h のような時間を書いてください。
        [name] 別の名前にしてください。
        [group-exists] 別の名前にするか、そのグループを使ってください: `kumi group add NAME GROUP`。
        [no-group] `kumi group list` でグループを確かめてください。
        [no-member] `kumi group list` でメンバーを確かめてください。
        [in-group] `kumi group list` で所属を確かめてください。
        [not-in-group] `kumi group list` で所属を確かめてください。
        [zone] Asia/Tokyo や Europe/Berlin のように書いてください。
        [no-invite] サーバで新しい行を作ってもらってください: `kumi group add NAME GROUP`。
        [invite-expired] サーバで新しい行を作ってもらってください: `kumi group add NAME GROUP`。
        [has-node] 先に外すか(`kumi group remove NAME`)、別の名前にしてください。
        [is-member] その名前を使うか、サーバで先に外してください: `kumi group remove NAME`。
        [prefix] 背後のネットワークを 192.168.20.0/24 のように書いてください。
        [full] いくつか外すか、行の期限が切れるのを待ってください。
        [admin-exists] 別の名前にするか、先に外してください: `kumi gms admin remove NAME`。
        [no-admin] `kumi gms admin list` で確かめてください。
        [role] その役割の鍵を owner に作ってもらってください: `kumi gms admin add NAME --role ROLE`。
        [terms] 別の時間を指定してください。
        [rules] 直してください。書き方は `kumi group rules --help` にあります。
        [rule-test] 何も変わっていません。指示を変えるか、テストを直してください: `kumi group rules { $group }`。
        [lock] --locked K で署名が必要な数を示し、鍵はそれぞれ1回だけ渡してください。
        [not-asked] `kumi group pending` で署名待ちを確かめてください。
        [signature] `kumi group request` の内容で、管理者の機器で作り直してもらってください: `kumi group sign`
        [not-locked] 新しい行を作ってもらってください。
        [not-admitted] 別の行を頼んでください。行が許す範囲は `kumi group offer` が示します。
        [name-taken] 別の名前で加入してください: `kumi join LINE --label NAME`
        [for-servers] 2台目のサーバにする機器で `kumi group accept LINE` を実行してください。
        [not-for-servers] 1台目のサーバで作ってもらってください: `kumi group share GROUP`。
        [not-managed] そのグループのサーバで実行してください。メンバーの `kumi group list` で分かります。
        [shared-locked] 代わりに、PostgreSQL でこのサーバの2つ目のインスタンスを動かしてください: `kumi gms serve --database`
        [shared-sign-in] `kumi group sign-in { $group } off` の後なら共有できます。`kumi group unshare` の後なら求められます。
        [no-root] グループを作ったサーバで実行するか、そのサーバをバックアップから戻してください。
        [no-server] `kumi group list --json` で各グループのサーバを確かめてください。
        [server-named] 先に外してください: `kumi group unshare GROUP ADDRESS`。
        [own-server] ほかのサーバを外すか、このままにしてください。
        [name-elsewhere] 別の名前にしてください。
        [several-called] `kumi group list` に出るアドレス F で指定してください。
        [no-groups] 同じ行で、もう一度実行してください。
       *[other] この機器の kumi を更新してください。
    }
api-admin-key = 管理サーバはこの鍵を知りません。
    .why = 別のサーバの鍵か、期限が切れたか、取り上げられました。
    .fix = サーバで新しい鍵を作ってもらってください: `kumi gms admin add NAME`。
api-uncertain = 管理サーバが時間内に応答しませんでした。
    .why = 保管場所を待っているのかもしれません。指示はこれから実行されることもあります。
    .fix = もう一度指示する前に、実行されたかどうかを `kumi group list` や `kumi gms log` で確かめてください。
api-busy = いまは処理が立て込んでいます。
    .why = 待てる数いっぱいの要求が待っています。
    .fix = 何も変わっていません。少し待ってから、もう一度試してください。
api-group-store = 管理サーバの保管場所が使えません。
    .why = { $detail }
    .fix = 何も変わっておらず、グループはそのまま動いています。ディスクと、状態ディレクトリの gms.db と gms.key、またはデータベースを確かめてから、もう一度試してください。
api-group-database = { $problem ->
        [key] このノードの鍵は、記録 { $place } に合いません。
        [no-key] 記録 { $place } の鍵が、このノードにありません。
        [other-key] このノードには別の鍵があります。
        [moved] 記録 { $place } は移されました。
        [newer] 記録 { $place } は、新しい版の kumi が書いたものです。
        [unfinished] 記録 { $place } は途中までです。
        [occupied] 記録 { $place } には別のグループがあります。
        [here] グループはすでに { $place } にあります。
        [exists] ファイル { $place } はすでにあります。
        [elsewhere] このノードのグループは別の場所にあります。
        [url] データベースの場所ではありません。
        [url-host] データベースの場所にホストがありません。
        [url-mode] データベースへの接続が確実には保護されません。
        [url-roots] データベースへの接続に使う証明書の指定がありません。
        [url-setting] kumi はデータベースの設定 "{ $setting }" を知りません。
       *[other] データベースを使えません。
    }
    .why = { $problem ->
        [key] 記録は封印されていて、状態ディレクトリの gms.key は別のサーバのものです。
        [no-key] 記録は、それを作ったサーバの鍵で封印されています。
        [other-key] { $place } は、指定した鍵ではありません。
        [moved] 今は { $to } にあり、古いほうにはもう何も書きません。
        [newer] この版はその表の形を知りません。
        [unfinished] そこへの移動が途中で止まりました。
        [occupied] そこにあるものが失われます。
        [here] することはありません。
        [exists] 上書きすることになります。
        [elsewhere] { $place } にあり、指定した場所には別のグループがあるか、何もありません。
        [url] 絶対パスか、postgresql://USER@HOST/DATABASE の形で書きます。
        [url-host] Unix ソケットでは、そのディレクトリがホストです: postgresql://%2Frun%2Fpostgresql/DATABASE
        [url-mode] sslmode は disable, require, verify-ca, verify-full のどれかです。ほかの値ではサーバが決めることになります。
        [url-roots] sslrootcert はファイルの絶対パスか "system" です。sslmode=verify-ca ではファイルが要ります。
        [url-setting] kumi はサーバを証明書で確かめ、サーバは kumi をパスワードかアカウントで確かめます。
       *[other] この版の知らない理由です: { $problem }
    }
    .fix = { $problem ->
        [key] 最初のサーバの状態ディレクトリから gms.key を写し、鍵のないノードで `kumi gms serve --database URL --key FILE` を実行してください。
        [no-key] 最初のサーバの状態ディレクトリから gms.key を写し、`kumi gms serve --database URL --key FILE` を実行してください。
        [other-key] グループを管理していないノードか、別の状態ディレクトリ(--state DIR)を使ってください。
        [moved] 新しい場所を使ってください: `kumi gms serve --database URL`
        [newer] この機器の kumi を更新してください。
        [unfinished] グループのあるノードで、もう一度 `kumi gms move` を実行してください。
        [occupied] 空のデータベースかディレクトリを指定してください。
        [here] 別の場所を指定してください。
        [exists] 別の名前にするか、そのファイルを移してください。
        [elsewhere] 移すには: `kumi gms move URL`
        [url] その形で書いてください。名前やパスワードの特別な文字は %XX と書きます。
        [url-host] その形で書いてください。
        [url-mode] 書かないでください。ネットワークの先へは TLS を使い、サーバを確かめます。ほかのものが接続を保護しているなら ?sslmode=disable を付けてください。
        [url-roots] サーバの CA の証明書をファイルに置き、sslrootcert=/PATH を付けてください。
        [url-setting] 書かないでください。
       *[other] この機器の kumi を更新してください。
    }
error-gms-key = { $file } は管理サーバの鍵ではありません。
    .why = gms.key は 32 バイトです。
    .fix = 最初のサーバの状態ディレクトリから gms.key をそのまま写してください。
api-group-timeout = 管理サーバ { $server } が { $waited_s } 秒以内に応答しませんでした。
    .why = 止まっているか、途中の機器が UDP を通さないか、行がすでに使われています。
    .fix = 行の期限まで、このノードは呼び続けます。メンバーになったかどうかは `kumi group list` で分かります。サーバが動いているかは、サーバで `kumi status` を見てください。
api-no-endpoint = 行を作れません。今のところ、他のマシンからこのマシンに届く方法がありません。
    .why = 行にはこのマシンの場所を書きますが、ネットワークアドレスがありません。
    .fix = ネットワークに接続してから、もう一度試してください。アドレスは `kumi status` で分かります。
api-storage = ノードが自分のディレクトリに書き込めませんでした。
    .why = { $file }: { $detail }
    .fix = ディスクと、そのディレクトリの権限を確認してください。
api-unknown = このプログラムが知らない理由で、ノードが拒否しました。
    .why = ノードのほうが新しいバージョンです。
    .fix = ノードを再起動してください: `kumi down`、続いて `kumi up`
