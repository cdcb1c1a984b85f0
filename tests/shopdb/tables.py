"""The tables of two shop scripts, as far as orders concern them: columns and types are those of
their installers (dujiaoka 2.0.5 database/sql/install.sql, acg-faka kernel/Install/Install.sql)."""

DUJIAOKA = """
CREATE TABLE orders (
  id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_sn varchar(150) NOT NULL UNIQUE,
  goods_id int NOT NULL,
  title varchar(200) NOT NULL,
  type tinyint(1) NOT NULL DEFAULT 1,
  goods_price decimal(10,2) NOT NULL DEFAULT 0,
  buy_amount int NOT NULL DEFAULT 1,
  total_price decimal(10,2) NOT NULL DEFAULT 0,
  actual_price decimal(10,2) NOT NULL DEFAULT 0,
  search_pwd varchar(200) DEFAULT '',
  email varchar(200) NOT NULL,
  info text,
  pay_id int DEFAULT NULL,
  buy_ip varchar(50) NOT NULL DEFAULT '',
  trade_no varchar(200) DEFAULT '',
  status tinyint(1) NOT NULL DEFAULT 1,
  created_at timestamp NULL DEFAULT NULL,
  updated_at timestamp NULL DEFAULT NULL,
  deleted_at timestamp NULL DEFAULT NULL
) ENGINE=InnoDB;
CREATE TABLE pays (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  pay_name varchar(200) NOT NULL,
  pay_check varchar(50) NOT NULL,
  merchant_key text,
  merchant_pem text
) ENGINE=InnoDB;
INSERT INTO pays (id, pay_name, pay_check, merchant_pem) VALUES
  (1, '支付宝当面付', 'zfbf2f', 'x'), (8, '微信扫码', 'wescan', 'x'), (15, '易支付', 'wxpay', 'x');
"""
#: What docs/shop-scripts.md tells the shop to grant; a test compares.
DUJIAOKA_GRANTS = [
    "GRANT SELECT (id, order_sn, goods_id, title, type, total_price, actual_price, email, info, "
    "pay_id, trade_no, status, created_at, updated_at) ON {database}.orders TO {reader}",
    "GRANT SELECT (id, pay_check) ON {database}.pays TO {reader}",
]

ACG_FAKA = """
CREATE TABLE `acg_order` (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  owner int unsigned NOT NULL DEFAULT 0,
  user_id int unsigned NOT NULL DEFAULT 0,
  trade_no char(19) NOT NULL UNIQUE,
  amount decimal(10,2) unsigned NOT NULL,
  commodity_id int unsigned NOT NULL,
  card_num int unsigned NOT NULL DEFAULT 0,
  pay_id int unsigned NOT NULL,
  create_time datetime NOT NULL,
  create_ip varchar(64) NOT NULL DEFAULT '',
  pay_time datetime NULL DEFAULT NULL,
  status tinyint unsigned NOT NULL DEFAULT 0,
  secret longtext NULL,
  contact varchar(32) NULL DEFAULT NULL,
  delivery_status tinyint unsigned NOT NULL DEFAULT 0,
  widget text NULL
) ENGINE=InnoDB;
CREATE TABLE acg_commodity (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(255) NOT NULL,
  delivery_way tinyint unsigned NOT NULL DEFAULT 0
) ENGINE=InnoDB;
CREATE TABLE acg_pay (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(16) NOT NULL,
  code varchar(32) NOT NULL,
  handle varchar(64) NOT NULL
) ENGINE=InnoDB;
CREATE TABLE acg_user (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  username varchar(32) NOT NULL,
  email varchar(128) NULL DEFAULT NULL,
  phone varchar(16) NULL DEFAULT NULL,
  password varchar(64) NOT NULL
) ENGINE=InnoDB;
INSERT INTO acg_commodity VALUES (1, '视频会员月卡', 0), (2, '话费充值100元', 1);
INSERT INTO acg_pay VALUES (1, '余额', '#system', '#system'), (2, '支付宝', 'alipay', 'Epay'),
  (3, '支付宝', 'alipay', 'Alipay');
INSERT INTO acg_user VALUES (1000, 'chen', 'chen@example.com', '13700007777', 'hash');
"""
ACG_FAKA_GRANTS = [
    "GRANT SELECT (id, owner, trade_no, amount, commodity_id, pay_id, create_time, pay_time, "
    "status, contact, delivery_status, widget) ON {database}.acg_order TO {reader}",
    "GRANT SELECT (id, name, delivery_way) ON {database}.acg_commodity TO {reader}",
    "GRANT SELECT (id, handle, code) ON {database}.acg_pay TO {reader}",
    "GRANT SELECT (id, email, phone) ON {database}.acg_user TO {reader}",
]
