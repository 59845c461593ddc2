## `kumi gms`: グループの管理サーバになる、または別の管理サーバを使う。

cmd-gms = グループを管理する
    .long =
        `kumi group create` を実行したノードは、ひとりでに管理サーバ(GMS)になります。ほかの人は鍵を
        使って自分の機器から管理できます。そのための窓口は、誰かが鍵を持っているあいだ、
        オーバーレイの中で開いています。
    .examples =
        kumi gms serve               管理サーバになる。グループはまだない
        kumi gms admin add olivia    鍵を表示する。olivia は自分の機器から指示できる
        kumi gms use kumiadmin1.…    その機器で: 以後 `kumi group …` はそのサーバに届く

cmd-gms-serve = グループの管理サーバになる(再起動後も)
    .long =
        このノードがまだメンバーでなければ、作るグループには所属しません。--site を付けると、
        作るグループは、ほかの指定がないかぎりそのアドレスを守ります。知っていることは
        状態ディレクトリの gms.db と gms.key に、--database を付ければ PostgreSQL の
        データベースと gms.key にあります。1つのデータベースを複数の機器で使えます。それぞれに
        最初の機器の gms.key が要ります。場所は、ほかの人が読めないファイルに記憶します。
    .examples =
        kumi gms serve                                        この機器のファイルに置く
        kumi gms serve --site 10.0.0.0/8                      グループがこのアドレスを守る
        kumi gms serve --no-site                              新しいグループは通常のアドレスを守らない
        kumi gms serve --database postgresql://kumi@%2Frun%2Fpostgresql/kumi
        kumi gms serve --database-file FILE                   パスワードの入った場所をファイルから読む
        kumi gms serve --database-file FILE --key gms.key     2台目。最初の機器の鍵を使う

cmd-gms-backup = 管理サーバの知っていることを、動かしたままファイルに写す
    .long =
        ファイルは gms.db と同じ形で(PostgreSQL にあるグループでも)、上書きはしません。
        封印されているので、状態ディレクトリの gms.key を別の場所に保管してください。
        戻すには、停止中のノードの状態ディレクトリに、これを gms.db として gms.key と並べて
        置き、ノード自身の身元も戻して(`kumi id restore`)、`kumi gms serve` を実行します。
        いちばん新しいものを戻してください。メンバーは、伝えたことを忘れたサーバを信じません。
    .examples =
        kumi gms backup groups-2026-11-26.db    今の写し

cmd-gms-move = すべてを別の場所へ移す(ファイルから PostgreSQL へ、またはその逆)
    .long =
        記録と封印した秘密を写し、移した先で全部を読んで確かめてから、そちらを使います。
        元の記録は、移したという印を付けてそのまま残り、二度と使われません。どこで中断しても
        何も失われません。もう一度実行してください。ほかの機器は先に止め(`kumi down`)、
        後で新しい場所を使わせてください。
    .examples =
        kumi gms move postgresql://kumi@%2Frun%2Fpostgresql/kumi
        kumi gms move --database-file FILE    パスワードの入った場所をファイルから読む
        kumi gms move ~/.local/state/kumihimo    このディレクトリのファイルに戻す

cmd-gms-status = それぞれの数を表示する
    .examples = kumi gms status    グループ、メンバー、行の数と、監査記録の末尾

cmd-gms-log = 誰がいつ何を変えたかを表示する
    .long = どの記録も、それまでのすべてとともにハッシュされているので、気付かれずに変えたり抜いたりできません。
    .examples =
        kumi gms log                             最初の 100 件
        kumi gms log --after 100 --most 1000     その続き
        kumi gms log --json                      ハッシュを含むすべて

cmd-gms-admin = 管理者を決める
    .long =
        管理者は鍵を持ちます。鍵は一度だけ表示され、どこにも残りません。このノードの制御ソケットを
        使える人は、いつでも owner です。
    .examples =
        kumi gms admin add olivia --role owner     何でもできる
        kumi gms admin list                        全員と期限
        kumi gms admin remove olivia               その鍵は直ちに使えなくなる

cmd-gms-admin-add = 管理者を作り、鍵を表示する
    .long = auditor: すべてを読む。admin: さらにグループとメンバーを変える。owner: さらに管理者を決める。
    .examples =
        kumi gms admin add olivia                          グループとメンバーを変えられる
        kumi gms admin add ci --role auditor --expires 90d    プログラム用に 90 日間

cmd-gms-admin-list = 管理者を表示する
    .examples = kumi gms admin list    全員の役割と期限

cmd-gms-admin-remove = 管理者の権限を取り上げる
    .examples = kumi gms admin remove olivia    その鍵は直ちに使えなくなる

cmd-gms-use = 別の管理サーバに指示する
    .long =
        以後、このアカウントの `kumi group …` と `kumi gms …` はそのサーバに届きます。オーバーレイの中では
        鍵が場所を示します。外からは、サーバの kumi.toml に `[gms] https` が必要です。
    .examples =
        kumi gms use kumiadmin1.AbC…                                      管理者の鍵
        kumi gms use kumiadmin1.AbC… --url https://gms:8443 --trust ca.pem    外から
        kumi gms use --own                                                このノードに戻す

arg-admin = 管理者の名前
arg-admin-key = `kumi gms admin add` が表示した鍵
opt-role = auditor、admin(指定しないとき)、owner
opt-admin-expires = 鍵の有効期間: 12h、90d など(指定しなければ取り上げるまで)
opt-after = 読み終えた最後の記録の番号
opt-most = 記録の数、1～1000(指定しなければ 100)
opt-url = サーバの場所(オーバーレイを通らない場合)
opt-trust = そこで信頼する証明書のファイル(PEM)
opt-own = このノードへの指示に戻す
expected-role = auditor、admin、owner のどれか
expected-admin-expires = 12h や 90d のような時間(10 年まで)
expected-after = 数
expected-most = 1 から 1000 までの数

gms-serving = このノードはグループを管理します。グループを作るには: kumi group create NAME
gms-status = { $address } は { $groups } 個のグループと { $members } 人のメンバーを管理しています。接続中は { $there }、使える行は { $lines } です。
gms-status-trail = 変更は { $rev } 回。監査記録の末尾は { $trail } です。
gms-admin = 管理者
gms-role = 役割
gms-until = 期限
gms-id = ID番号
gms-admins-none = このノードを操作する人のほかに管理者はいません。
gms-admin-key = { $admin }({ $role })の鍵です。二度と表示されません。その機器で: kumi gms use 鍵
gms-admin-removed = { $admin } はもう管理者ではありません。
gms-log-rev = 番号
gms-log-time = 日時
gms-log-who = 誰が
gms-log-what = 何を
gms-used = グループの指示は { $address } に届きます(グループ { $groups }、メンバー { $members })。
gms-used-own = グループの指示はこのノードに届きます。

error-admin-key-text = 管理者の鍵ではありません。
    .why = 鍵は kumiadmin1. で始まり、検査用の値を含みます。文字が違うか、一部が欠けています。
    .fix = サーバで `kumi gms admin add NAME` が表示した鍵を、すべて写してください。
error-gms-url = { $url } に鍵を送ることはできません。
    .why = オーバーレイの外では、鍵もやり取りもそのまま見えてしまいます。
    .fix = この機器がオーバーレイにあれば --url を省いてください。なければ https:// で始まる URL を書いてください。
error-gms-authority = { $url } には、信頼する証明書が必要です。
    .why = このプログラムは、信頼せよと言われた証明書のほかは信頼しません。
    .fix = --trust FILE で、サーバか認証局の証明書(PEM)を指定してください。
error-gms-outside = { $url } に鍵は送りません。
    .why = いまこのノードにはマシンのインターフェースがなく、このアドレスは隣のルータへ行ってしまいます。
    .fix = インターフェースのあるノードを起動するか(root で `kumi up`)、TLS で使ってください: `kumi gms use 鍵 --url https://…`。
error-rules-file = { $file } の規則は使えません。
    .why = { $detail }
    .fix = ファイルの名前と中身を確かめてください。書き方は `kumi group rules --help` にあります。
error-gms-file = { $file } が使えません。
    .why = { $detail }
    .fix = ファイルがあり、自分だけのものであることを確かめてください。`kumi gms use --own` でサーバの指定を消せます。
error-gms-unreachable = { $url } の管理サーバに届きません。
    .why = { $detail }
    .fix = このノードから届くかを `kumi ping` で、鍵がまだ使えるかをサーバの `kumi gms admin list` で確かめてください。管理者が一人もいなければ窓口は閉じています。`kumi gms use --own` でこのノードへの指示に戻ります。
error-group-as = --as はこのノードの名前ですが、グループを管理するのは別のノードです。
    .why = 指示は `kumi gms use` で選んだサーバに届きます。
    .fix = --as を省き、このノードは `kumi group add NAME GROUP` でグループに入れてください。
error-config-gms = { $file }、{ $line } 行 { $column } 文字目: [gms] に足りないものがあります。
    .why = オーバーレイの外で管理者を受け付けるには、アドレス、証明書、その鍵が必要です。
    .fix = `https = "[::]:8443"`、`certificate = "/etc/kumihimo/gms.pem"`、`key = "/etc/kumihimo/gms.key.pem"` の三つを書くか、すべて省いてください。
error-config-https = { $file }、{ $line } 行 { $column } 文字目: gms.https = "{ $value }" はアドレスではありません。
    .why = IP アドレスとポートを書きます。
    .fix = このマシンのすべてのアドレスなら "[::]:8443" と書いてください。
error-config-file = { $file }、{ $line } 行 { $column } 文字目: { $key } = "{ $value }" は完全なパスではありません。
    .why = ノードは、あなたのいるディレクトリでは動きません。
    .fix = / から始まるパスを書いてください。
