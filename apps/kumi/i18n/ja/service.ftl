## `kumi service`: the node starts at boot.

cmd-service = マシンの起動時にこのノードを起動する(またはやめる)
    .long =
        root ならマシンの systemd が、それ以外ではアカウントごとの systemd が起動します。
        systemd が動いていなければ cron が起動します。
    .examples =
        kumi service install --now    いますぐ、そして毎回の起動時に
        kumi service remove           やめる

cmd-service-install = マシンの起動時にこのノードを起動する
    .long =
        root で --user がなければ /etc/systemd/system/kumi.service を、それ以外では
        ~/.config/systemd/user/kumi.service を書きます。それを読む systemd が動いて
        いなければ、crontab に "@reboot" の行を1行加え、ほかの行には触れません。
        プログラムは今ある場所から、ここで指定した --state と --config で起動します。
        Bridge は Bridge として起動します(ノードが覚えています)。
    .examples =
        kumi service install                 次の起動から
        kumi service install --now           いますぐにも起動する
        sudo kumi service install            root のノード
        kumi --state DIR service install     専用のディレクトリを持つノード

cmd-service-remove = マシンの起動時にこのノードを起動するのをやめる
    .long = `kumi service install` が書いたものだけを取り除きます。起動中のノードは動き続けます(止めるには `kumi down`)。
    .examples =
        kumi service remove         このアカウントのノード
        sudo kumi service remove    root のノード

opt-user = root の場合に、マシンではなくこのアカウントのために
opt-now = いますぐにもノードを起動する

service-unit-installed = マシンの起動時に systemd がノードを起動します。{ $file } を書きました。実行されるのは:
service-line-installed = マシンの起動時に cron がノードを起動します。crontab に1行加えました。実行されるのは:
service-linger = このままでは、ログインするまで起動しません。`loginctl enable-linger` で、このアカウントのサービスがマシンの起動時に動くようになります。
service-build-directory = { $file } はビルド用のディレクトリにあり、`cargo clean` で消えます。cargo install --locked --path apps/kumi でインストールしてから、もう一度 `kumi service install` を実行することをお勧めします。
service-started = ノードは起動しています。
service-start-system = いますぐ起動するには: systemctl start kumi(手で起動したノードは先に `kumi down` で止めてください)
service-start-user = いますぐ起動するには: systemctl --user start kumi(手で起動したノードは先に `kumi down` で止めてください)
service-start-cron = いますぐ起動するには: kumi up
service-removed = マシンの起動時にノードを起動しないようにしました。取り除いたもの: { $what }。起動中のノードは動き続けます(止めるには `kumi down`)。
service-nothing = `kumi service install` が書いたものは見つかりませんでした。

error-service-no-way = ここには、マシンの起動時にノードを起動できるものがありません。
    .why = それを行う systemd が動いておらず、crontab コマンドもありません。
    .fix = cron をインストールして(Debian なら apt-get install cron)やり直すか、お使いの init から kumi up --foreground --no-invite を実行してください。
error-service-goes-away = { $file } をマシンの起動時に起動することはできません。
    .why = 中身が消されるディレクトリにあるか、すでに削除されています。
    .fix = /usr/local/bin など消えない場所に kumi をインストールし、そこから `kumi service install` を実行してください。
error-service-files-go-away = { $file } は次にマシンを起動したときには消えています。
    .why = 中身が消されるディレクトリにあり、ノードのアドレスも一緒に失われます。
    .fix = --state と --config には消えない場所を指定するか、省略してください。
error-service-changeable = { $file } を root としてマシンの起動時に起動することはできません。
    .why = 別のアカウントが { $path } を変更でき、root が実行するものをすり替えられます。
    .fix = root 用に写してください: install -m 755 { $file } /usr/local/bin/kumi、続いて /usr/local/bin/kumi service install。あるいは root にならず、そのアカウントで実行してください。
error-service-sealed = マシンの起動時に、ノードは自分では起動できません。
    .why = { $file } は封印されていて、起動時にはパスフレーズを尋ねる相手がいません。
    .fix = パスフレーズのファイルを指定してください: kumi service install --passphrase-file FILE
error-service-node-runs = 手で起動したノードが動いています。
    .why = 同じファイルを使うノードは同時に2つ動かせないので、サービスをいますぐ起動できません。
    .fix = `kumi down` で止めてからやり直すか、--now を付けずに実行してください。次にマシンを起動したときからサービスに替わります。
error-service-foreign = { $file } は kumi が書いたものではありません。
    .why = すでにあり、書き出しが kumi のユニットと違うため、触れませんでした。
    .fix = 内容を確かめ、不要なら別の場所に移してからやり直してください。
error-service-path = { $file } はユニットや crontab に書けません。
    .why = 制御文字を含むか、UTF-8 ではありません。
    .fix = ファイルまたはディレクトリの名前を変えてください。
error-service-long = crontab の行が長すぎます。
    .why = { $len } バイトになりますが、cron が受け付けるのは { $max } バイトまでです。
    .fix = プログラム、--state、--config のパスを短くしてください。
error-service-command = `{ $command }` が失敗しました。
    .why = { $detail }
    .fix = 原因を取り除いてやり直してください。その間も `kumi up` でノードを起動できます。
